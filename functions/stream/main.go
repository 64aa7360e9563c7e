// Command stream is the function that readers hold on to, on Lambda.
package main

import (
	"context"
	"log"

	"confab/shared/app"
	"confab/shared/web"

	"github.com/akrylysov/algnhsa"
	"github.com/aws/aws-lambda-go/lambda"
)

func main() {
	a, err := app.OpenFunction(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	lambda.Start(algnhsa.New(a.Handler(web.Stream), nil))
}
