// Command stream is the Lambda function behind all that reads: /stream, /r and
// /rooms.
package main

import (
	"context"
	"log"

	"confab/functions/internal/function"
	"confab/functions/internal/lambdahttp"
	"confab/shared/web"

	"github.com/aws/aws-lambda-go/lambda"
)

func main() {
	a, err := function.Open(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	h := a.Handler(web.Stream, web.Post) // both, because some front doors distinguish requests by their path alone
	if a.Buffered() {
		lambda.Start(lambdahttp.Buffer(web.Buffered(h), web.Buffered(h)))
	}
	lambda.Start(lambdahttp.Stream(h, web.Buffered(h)))
}
