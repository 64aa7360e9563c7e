package doctor

import "strings"

// A proxy is something that may be on a path, and where its settings go.
type proxy struct {
	name, where string
	first       string // settings that begin so go before the others
}

func (p proxy) rank(line string) int {
	if p.first != "" && strings.HasPrefix(line, p.first) {
		return 0
	}
	return 1
}

var proxies = []proxy{
	{name: "Confab", where: "its environment"},
	{name: "nginx", where: "in the location"},
	{name: "Apache", where: "in the virtual host"},
	{name: "HAProxy", where: "in the backend"},
	{name: "Caddy", where: "in the site"},
	{name: "Varnish", where: "in the VCL", first: "sub vcl_recv"},
	{name: "Squid", where: "in squid.conf"},
	{name: "ALB", where: "by the AWS CLI or in the template"},
	{name: "CloudFront", where: "in the template"},
}

// A cure is the lines that mend a path, by the name of the proxy.
type cure map[string]string

const passAll = "OriginRequestPolicyId: b689b0a8-53d0-40ab-baf2-68738e2966ac  # AllViewerExceptHostHeader"

const (
	nginxHTTP   = "proxy_http_version 1.1;\n"
	nginxSocket = nginxHTTP + "proxy_set_header Upgrade $http_upgrade;\nproxy_set_header Connection \"upgrade\";"
	idleALB     = "aws elbv2 modify-load-balancer-attributes --load-balancer-arn … --attributes Key=idle_timeout.timeout_seconds,Value=75"
)

var (
	cureBuffer = cure{
		"nginx":      nginxHTTP + "proxy_buffering off;\nproxy_cache off;",
		"Apache":     "ProxyPass / http://127.0.0.1:8080/ flushpackets=on upgrade=websocket\nSetEnv no-gzip 1",
		"HAProxy":    "no option http-buffer-request\nno option httpclose",
		"Caddy":      "reverse_proxy 127.0.0.1:8080 { flush_interval -1 }",
		"Varnish":    "sub vcl_recv { if (req.url ~ \"^/(stream|r/|subscribe|event_stream)\") { return (pipe); } }",
		"Squid":      "read_ahead_gap 0 KB\ncache deny all",
		"CloudFront": "CachePolicyId: 4135ea2d-6df8-44a3-9df3-4b5a84be39ad  # CachingDisabled",
	}
	cureIdle = cure{
		"nginx":      "proxy_read_timeout 75s;\nproxy_send_timeout 75s;",
		"Apache":     "ProxyTimeout 75",
		"HAProxy":    "timeout server 75s\ntimeout tunnel 1h",
		"Caddy":      "reverse_proxy 127.0.0.1:8080 { stream_timeout 24h }",
		"Varnish":    "set bereq.between_bytes_timeout = 75s;\nset bereq.first_byte_timeout = 75s;",
		"Squid":      "read_timeout 75 seconds\nclient_lifetime 1 day",
		"ALB":        idleALB,
		"CloudFront": "OriginReadTimeout: 60  # of the origin's CustomOriginConfig",
	}
	cureGzip = cure{
		"nginx": "gzip off;", "Apache": "SetEnv no-gzip 1", "HAProxy": "no compression algo gzip", "Caddy": "encode { match header Content-Type text/html* }",
		"CloudFront": "Compress: false",
	}
	cureResume = cure{
		"nginx": "proxy_pass_request_headers on;", "Apache": "# remove RequestHeader unset Last-Event-ID", "HAProxy": "# remove http-request del-header Last-Event-ID",
		"Varnish": "# remove unset req.http.Last-Event-ID", "Squid": "request_header_access Last-Event-ID allow all", "CloudFront": passAll,
	}
	cureAuth = cure{
		"nginx": "proxy_set_header Authorization $http_authorization;", "Apache": "# remove RequestHeader unset Authorization",
		"HAProxy": "# remove http-request del-header Authorization", "Squid": "request_header_access Authorization allow all\ncache_peer 127.0.0.1 parent 8080 0 no-query originserver login=PASSTHRU",
		"CloudFront": passAll,
	}
	cureHTTP = cure{
		"nginx": nginxHTTP, "ALB": "ProtocolVersion: HTTP1  # of the target group", "CloudFront": "HttpVersion: http2and3",
	}
	cureSocket = cure{
		"nginx": nginxSocket, "Apache": "ProxyPass / http://127.0.0.1:8080/ flushpackets=on upgrade=websocket", "HAProxy": "timeout tunnel 1h",
		"Varnish": "sub vcl_recv { if (req.http.Upgrade ~ \"(?i)websocket\") { return (pipe); } }\nsub vcl_pipe { set bereq.http.Upgrade = req.http.Upgrade; set bereq.http.Connection = req.http.Connection; }",
		"Squid":   "http_upgrade_request_protocols WebSocket allow all", "ALB": "ProtocolVersion: HTTP1  # of the target group", "CloudFront": passAll,
	}
	cureOrigin = cure{
		"Confab": "PUBLIC_ORIGIN=…  # the address that people type, with its scheme",
		"nginx":  "proxy_set_header Host $http_host;", "Apache": "ProxyPreserveHost On", "Varnish": "# remove set req.http.Host",
	}
	cureProto = cure{
		"Confab": "TRUSTED_PROXIES=…  # the proxy's address",
		"nginx":  "proxy_set_header X-Forwarded-Proto $scheme;\nproxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;",
		"Apache": "RequestHeader set X-Forwarded-Proto expr=%{REQUEST_SCHEME}", "HAProxy": "http-request set-header X-Forwarded-Proto https if { ssl_fc }\noption forwardfor",
		"Squid": "forwarded_for on",
	}
	cureLimit = cure{
		"Confab": "TRUSTED_PROXIES=…  # the proxy's address, or all visitors share the limits of one",
		"nginx":  "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;", "HAProxy": "option forwardfor", "Squid": "forwarded_for on",
	}
	cureMethods = cure{
		"nginx": "# remove limit_except", "Apache": "# remove <Limit> and <LimitExcept>", "HAProxy": "# remove http-request deny if METH_…",
		"Varnish": "sub vcl_recv { if (req.method ~ \"^(POST|PATCH|DELETE)$\") { return (pass); } }", "Squid": "http_access allow all",
		"CloudFront": "AllowedMethods: [GET, HEAD, OPTIONS, PUT, PATCH, POST, DELETE]",
	}
	cureSize = cure{
		"nginx": "client_max_body_size 1m;", "Apache": "LimitRequestBody 1048576", "Squid": "request_body_max_size 1 MB",
	}
	cureCache = cure{
		"nginx": "proxy_cache off;", "Apache": "CacheDisable /", "HAProxy": "# remove http-request cache-use", "Squid": "cache deny all",
		"Varnish":    "sub vcl_backend_response { set beresp.uncacheable = true; }",
		"CloudFront": "CachePolicyId: 4135ea2d-6df8-44a3-9df3-4b5a84be39ad  # CachingDisabled",
	}
	cureHeaders = cure{
		"nginx": "# remove proxy_hide_header and add_header Content-Security-Policy", "Apache": "# remove Header set Content-Security-Policy",
		"HAProxy": "# remove http-response set-header Content-Security-Policy", "Caddy": "# remove header Content-Security-Policy",
		"CloudFront": "# remove the response headers policy's ContentSecurityPolicy",
	}
	cureTarget = cure{
		"nginx": "proxy_pass http://127.0.0.1:8080;  # without a path", "Apache": "ProxyPass / http://127.0.0.1:8080/", "HAProxy": "server confab 127.0.0.1:8080",
		"Caddy": "reverse_proxy 127.0.0.1:8080", "Squid": "cache_peer 127.0.0.1 parent 8080 0 no-query originserver",
	}
)
