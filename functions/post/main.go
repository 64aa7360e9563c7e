// Command post is the Lambda function behind all that writes: /post and /r.
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
	// It also reads, because some front doors distinguish requests by their
	// path alone.
	h := web.Buffered(a.Handler(web.Post, web.Stream))
	lambda.Start(lambdahttp.Buffer(h, h))
}
