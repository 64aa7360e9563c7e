package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"os"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"confab/shared/chat"
)

// The forms in which a body is sent.
const (
	typeForm      = "application/x-www-form-urlencoded"
	typeMultipart = "multipart/form-data" // what a FormData object becomes
)

// mediaType is the type of a request's body, which must be one of allowed, in
// UTF-8 and not compressed.
func mediaType(r *http.Request, allowed ...string) (string, error) {
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || !slices.Contains(allowed, kind) {
		return "", fmt.Errorf("%w: send the body as %s", errMediaType, strings.Join(allowed, " or "))
	}
	if c, ok := params["charset"]; ok && !strings.EqualFold(c, "utf-8") && !strings.EqualFold(c, "us-ascii") {
		return "", fmt.Errorf("%w: send the body in UTF-8", errMediaType)
	}
	if e := r.Header.Get("Content-Encoding"); e != "" && !strings.EqualFold(e, "identity") {
		return "", fmt.Errorf("%w: send the body without compression", errMediaType)
	}
	return kind, nil
}

// readText reads a body of text.
func readText(r *http.Request) (string, error) {
	b, err := io.ReadAll(r.Body)
	if err != nil {
		return "", bodyError(err)
	}
	if !utf8.Valid(b) {
		return "", fmt.Errorf("%w: the body is not valid UTF-8", chat.ErrInvalid)
	}
	return string(b), nil
}

// readJSON reads a body of one JSON value. Fields that it does not know are
// left alone: a newer client may send them.
func readJSON(r *http.Request, v any) error {
	text, err := readText(r)
	if err != nil {
		return err
	}
	err = json.Unmarshal([]byte(text), v)
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		if wrong.Field == "" {
			return fmt.Errorf("%w: the body is not a JSON object", chat.ErrInvalid)
		}
		return fmt.Errorf("%w: the field %s is of the wrong type", chat.ErrInvalid, strings.ToLower(wrong.Field))
	}
	if err != nil && !errors.Is(err, chat.ErrInvalid) {
		return fmt.Errorf("%w: the body is not JSON", errMalformed)
	}
	if err == nil && strings.Contains(text, "null") {
		return refuseNull(text, v)
	}
	return err
}

// refuseNull refuses an object that gives a field of v as null, which package
// json takes for a field that was not sent.
func refuseNull(text string, v any) error {
	var sent map[string]json.RawMessage
	if json.Unmarshal([]byte(text), &sent) != nil {
		return nil // an array: what it holds is read later
	}
	for _, field := range reflect.VisibleFields(reflect.TypeOf(v).Elem()) {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if string(sent[name]) == "null" && name != "" {
			return fmt.Errorf("%w: the field %s is null", chat.ErrInvalid, name)
		}
	}
	return nil
}

// readForm reads a body that a form made.
func readForm(r *http.Request, kind string) (url.Values, error) {
	var err error
	if kind == typeMultipart {
		err = r.ParseMultipartForm(maxBody) // as much as there may be: nothing goes to a file
	} else {
		err = r.ParseForm()
	}
	if err != nil {
		return nil, bodyError(err)
	}
	return r.PostForm, nil
}

// bodyError distinguishes a body that is too long, or that did not come in time,
// from one that is broken: what was slow may be sent again.
func bodyError(err error) error {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return err
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("%w: the body did not come in time, nothing was done: send it again", errSlow)
	}
	return fmt.Errorf("%w: the body cannot be read", errMalformed)
}
