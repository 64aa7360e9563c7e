package proxies_test

// What each proxy needs to run here, around what a site says.

// nginxSite is a server of nginx with what stands in it.
func nginxSite(site string) string { return nginxListen("listen ADDR;", site) }

func nginxListen(listen, site string) string {
	return `daemon off; master_process off; pid DIR/pid; worker_rlimit_nofile 1024;
events { worker_connections 512; }
http {
	access_log off;
	client_body_temp_path DIR/body; proxy_temp_path DIR/proxy; fastcgi_temp_path DIR/f; uwsgi_temp_path DIR/u; scgi_temp_path DIR/s;
	proxy_cache_path DIR/cache keys_zone=all:1m;
	types { text/html html; }
	server {
		` + listen + `
		` + site + `
	}
}
`
}

const nginxTLS = "listen ADDR ssl; ssl_certificate DIR/cert.pem; ssl_certificate_key DIR/key.pem;"

// nginxCured is the location of the manual of ours.
const nginxCured = `
	proxy_pass http://UP;
	proxy_http_version 1.1;
	proxy_set_header Host $http_host;
	proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
	proxy_set_header X-Forwarded-Proto $scheme;
	proxy_set_header Upgrade $http_upgrade;
	proxy_set_header Connection "upgrade";
	proxy_buffering off;
	proxy_read_timeout 75s;
`

func location(lines ...string) string {
	all := "location / {"
	for _, line := range lines {
		all += line + "\n"
	}
	return all + "}"
}

// apacheSite is a virtual host of Apache.
func apacheSite(site string) string {
	const modules = "/usr/lib/apache2/modules/"
	all := "ServerRoot DIR\nPidFile DIR/pid\nErrorLog DIR/error.log\nListen ADDR\nServerName chat.example.org\n"
	for _, m := range []string{"mpm_event", "authz_core", "proxy", "proxy_http", "proxy_wstunnel", "headers", "deflate", "filter", "env", "setenvif"} {
		all += "LoadModule " + m + "_module " + modules + "mod_" + m + ".so\n"
	}
	return all + "User www-data\nGroup www-data\n" + site + "\n"
}

// haproxySite has a backend with what stands in it.
func haproxySite(backend string) string {
	return `defaults
	mode http
	timeout connect 5s
	timeout client 50s
	timeout server 50s
frontend site
	bind ADDR
	default_backend confab
backend confab
	` + backend + `
	server confab UP
`
}

// varnishSite is a VCL with the server as its backend.
func varnishSite(subs string) string {
	return `vcl 4.1;
backend default { .host = "127.0.0.1"; .port = "UPPORT"; }
` + subs + "\n"
}

// squidSite accelerates the server.
func squidSite(more string) string {
	return `http_port ADDR accel vhost
cache_peer 127.0.0.1 parent UPPORT 0 no-query originserver name=confab
http_access allow all
cache_peer_access confab allow all
cache_effective_user proxy
access_log none
cache_log DIR/cache.log
pid_filename none
coredump_dir DIR
shutdown_lifetime 1 seconds
netdb_filename none
` + more + "\n"
}

// caddySite is a site of Caddy's with what stands in it.
func caddySite(address, site string) string {
	return `{
	admin off
	persist_config off
	auto_https off
	storage file_system DIR/storage
	grace_period 1s
}
` + address + ` {
	` + site + `
}
`
}
