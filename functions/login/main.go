// Command login is the Lambda function behind /login, invites and the page.
package main

import (
	"context"
	"log"

	"confab/functions/internal/function"
	"confab/functions/internal/lambdahttp"
	"confab/functions/internal/signin"
	"confab/shared/account"
	"confab/shared/web"

	"github.com/aws/aws-lambda-go/lambda"
)

func main() {
	a, err := function.Open(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	h := a.Handler(web.Login(signin.Ways(a.Config(), a.Log())), web.Invites(account.QR), web.Site)
	if a.Buffered() {
		h = web.Buffered(h)
	}
	lambda.Start(lambdahttp.Buffer(h, web.Buffered(h))) // buffered: GET /login tells the page how it may read
}
