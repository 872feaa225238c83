// Localkms is a KMS for the tests of the plugin: github.com/nsmithuk/local-kms on
// a free port of the loopback address, behind a check of the signature of each
// request (AWS Signature Version 4), which local-kms itself does not look at. It
// prints its address and ends with its standard input. It knows no policies and no
// accounts: nothing of AWS but what the plugin asks for.
package main

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strings"

	"github.com/nsmithuk/local-kms/src"
	"github.com/nsmithuk/local-kms/src/config"
	"github.com/nsmithuk/local-kms/src/data"
)

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: localkms FOLDER")
	}
	config.AWSAccountId, config.AWSRegion = "111122223333", os.Getenv("AWS_REGION")
	database := data.NewDatabase(os.Args[1])
	door, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go func() {
		log.Fatal(http.Serve(door, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !signed(r) {
				w.Header().Set("Content-Type", "application/x-amz-json-1.1")
				w.WriteHeader(http.StatusBadRequest)
				fmt.Fprint(w, `{"__type":"InvalidSignatureException","message":"the signature is another"}`)
				return
			}
			src.HandleRequest(w, r, database)
		})))
	}()
	fmt.Printf("http://%s\n", door.Addr())
	io.Copy(io.Discard, os.Stdin)
	database.Close()
}

// signed reckons the signature of a request anew, as
// docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html says.
func signed(r *http.Request) bool {
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<16))
	if err != nil {
		return false
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	rest, ok := strings.CutPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 ")
	part := map[string]string{}
	for p := range strings.SplitSeq(rest, ", ") {
		name, value, _ := strings.Cut(p, "=")
		part[name] = value
	}
	id, scope, _ := strings.Cut(part["Credential"], "/")
	words := strings.Split(scope, "/") // day, region, service, aws4_request
	at := r.Header.Get("X-Amz-Date")
	if !ok || id != os.Getenv("AWS_ACCESS_KEY_ID") || len(words) != 4 || words[1] != config.AWSRegion || words[2] != "kms" || !strings.HasPrefix(at, words[0]) {
		return false
	}
	var headers strings.Builder
	for name := range strings.SplitSeq(part["SignedHeaders"], ";") {
		value := strings.Join(r.Header.Values(name), ",")
		switch name {
		case "host":
			value = r.Host
		case "content-length":
			value = fmt.Sprint(len(body))
		}
		fmt.Fprintf(&headers, "%s:%s\n", name, strings.TrimSpace(value))
	}
	sum := sha256.Sum256(body)
	request := strings.Join([]string{r.Method, r.URL.EscapedPath(), r.URL.RawQuery, headers.String(), part["SignedHeaders"], hex.EncodeToString(sum[:])}, "\n")
	sum = sha256.Sum256([]byte(request))
	text := strings.Join([]string{"AWS4-HMAC-SHA256", at, scope, hex.EncodeToString(sum[:])}, "\n")
	key := []byte("AWS4" + os.Getenv("AWS_SECRET_ACCESS_KEY"))
	for _, word := range words {
		key = mac(key, word)
	}
	given, err := hex.DecodeString(part["Signature"])
	return err == nil && hmac.Equal(given, mac(key, text))
}

func mac(key []byte, text string) []byte {
	m := hmac.New(sha256.New, key)
	m.Write([]byte(text))
	return m.Sum(nil)
}
