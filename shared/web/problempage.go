package web

import (
	"cmp"
	"fmt"
	"html"
	"net/http"
	"strings"
)

// What a problem is called on a page for people.
var headings = map[int]string{
	http.StatusUnauthorized:        "Say your name first",
	http.StatusForbidden:           "You cannot go in there",
	http.StatusNotFound:            "There is nothing here",
	http.StatusTooManyRequests:     "Too much at once",
	http.StatusInternalServerError: "Something broke on our side",
	http.StatusServiceUnavailable:  "The chat can’t be reached right now",
}

// The same in Chinese, with a sentence, because the details are in English. 0:
// any other problem.
var chineseHeadings = map[int][2]string{
	http.StatusUnauthorized:        {"请先输入昵称", "登录后才能查看这个页面。"},
	http.StatusForbidden:           {"你不能进入这里", "房间的管理者可以让你进入，其他房间仍可使用。"},
	http.StatusNotFound:            {"这里什么也没有", "没有这个房间或页面，地址可能不完整。"},
	http.StatusGone:                {"内容已不存在", "它已被移除或已过期。"},
	http.StatusTooManyRequests:     {"操作太频繁", "请稍候片刻再试。"},
	http.StatusInternalServerError: {"服务器出错了", "这不是你的问题，请稍后再试。"},
	http.StatusServiceUnavailable:  {"暂时无法连接聊天服务", "请稍后重试。"},
	0:                              {"无法完成此操作", "服务器未接受这个请求。"},
}

// asksForChinese reports whether Chinese is what a browser asks for first.
func asksForChinese(r *http.Request) bool {
	first, _, _ := strings.Cut(r.Header.Get("Accept-Language"), ",")
	return strings.HasPrefix(strings.ToLower(strings.TrimSpace(first)), "zh")
}

// pageOf is a problem for a person who navigates with a browser: in words, in
// the look of the page, with a way back.
func pageOf(p problem, chinese bool) []byte {
	lang, heading, detail, back := "en", cmp.Or(headings[p.Status], p.Title), p.Detail, "Back to the rooms"
	if chinese {
		words := cmp.Or(chineseHeadings[p.Status], chineseHeadings[0])
		lang, heading, detail, back = "zh", words[0], words[1], "返回房间"
	}
	return fmt.Appendf(nil, `<!doctype html>
<html lang="%[1]s">
<head>
<meta charset="utf-8">
<title>%[2]s</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="stylesheet" href="/css/base.css">
<link rel="icon" href="/icons/icon.svg" type="image/svg+xml">
</head>
<body>
<main class="login problem">
<p class="problem__mark mark" aria-hidden="true">§</p>
<h1 class="login__title">%[2]s</h1>
<p class="login__lead">%[3]s</p>
<p><a class="button" href="/">%[4]s</a></p>
</main>
</body>
</html>
`, lang, html.EscapeString(heading), html.EscapeString(detail), back)
}
