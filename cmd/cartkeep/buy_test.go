package main

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// buy orders a kettle over the demo's API, and remembers the order's number and,
// as NAME_PAGE, the bank's page.
func buy(ts *testscript.TestScript, neg bool, args []string) {
	words(ts, neg, args, 2)
	var ports struct{ Shop int }
	text, err := os.ReadFile(filepath.Join(ts.MkAbs(args[0]), "ports.json"))
	ts.Check(err)
	ts.Check(json.Unmarshal(text, &ports))
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	ask := func(method, path, body, token string, into any) {
		req, err := http.NewRequest(method, fmt.Sprintf("https://localhost:%d/api/v1/%s", ports.Shop, path), strings.NewReader(body))
		ts.Check(err)
		for name, value := range map[string]string{"Content-Type": "application/json", "Cart-Token": token, "Idempotency-Key": args[1]} {
			if value != "" && body != "" {
				req.Header.Set(name, value)
			}
		}
		res, err := client.Do(req)
		ts.Check(err)
		defer res.Body.Close()
		if res.StatusCode >= 300 {
			ts.Fatalf("%s %s: got %s", method, path, res.Status)
		}
		ts.Check(json.NewDecoder(res.Body).Decode(into))
	}
	var goods struct {
		Variants []struct{ ID string }
	}
	ask("GET", "products/whistling-kettle", "", "", &goods)
	var cart struct{ ID, Token string }
	ask("POST", "carts", "{}", "", &cart)
	ask("POST", "carts/"+cart.ID+"/lines", fmt.Sprintf(`{"variant_id":%q,"quantity":1}`, goods.Variants[0].ID), cart.Token, &struct{}{})
	ask("PUT", "carts/"+cart.ID+"/checkout", `{"email":"ada@example.com","name":"Ada Lovelace","shipping_address":{"street_address":"12 Analytical Way","address_locality":"Berlin","postal_code":"10115","address_country":"DE"}}`, cart.Token, &struct{}{})
	var placed struct {
		Order   struct{ Number string }
		Payment struct {
			RedirectURL string `json:"redirect_url"`
		}
	}
	ask("POST", "carts/"+cart.ID+"/orders", "{}", cart.Token, &placed)
	ts.Setenv(args[1], placed.Order.Number)
	ts.Setenv(args[1]+"_PAGE", placed.Payment.RedirectURL)
}

// press presses a button of the make-believe bank's page.
func press(ts *testscript.TestScript, neg bool, args []string) {
	words(ts, neg, args, 2)
	client := &http.Client{Timeout: 20 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	res, err := client.PostForm(args[0], url.Values{"outcome": {args[1]}})
	ts.Check(err)
	defer res.Body.Close()
	if res.StatusCode >= 400 {
		ts.Fatalf("%s: got %s", args[1], res.Status)
	}
}

// firstWord remembers the first word of a file under a name.
func firstWord(ts *testscript.TestScript, neg bool, args []string) {
	words(ts, neg, args, 2)
	ts.Setenv(args[0], strings.Fields(ts.ReadFile(args[1]))[0])
}

func lastLine(ts *testscript.TestScript, neg bool, args []string) {
	words(ts, neg, args, 2)
	lines := strings.Split(strings.TrimSpace(ts.ReadFile(args[1])), "\n")
	ts.Setenv(args[0], lines[len(lines)-1])
}
