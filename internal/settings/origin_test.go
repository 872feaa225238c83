package settings

import "testing"

func TestAnOriginIsExact(t *testing.T) {
	for written, want := range map[string]string{
		"https://blog.example": "https://blog.example", " https://Blog.Example/ ": "https://blog.example", "https://blog.example:443": "https://blog.example",
		"https://blog.example:8443": "https://blog.example:8443", "http://localhost:8090": "http://localhost:8090", "http://127.0.0.1:80": "http://127.0.0.1", "http://[::1]:1": "http://[::1]:1",
	} {
		if got, err := origin(written); err != nil || got != want {
			t.Errorf("%q: got %q, %v, want %q", written, got, err, want)
		}
	}
	for _, wrong := range []string{"", "null", "*", "https://*.example", "https://*", "http://blog.example", "http://localhost.example", "https://a.example/x", "https://u@a.example",
		"https://a.example?x", "https://a.example#x", "https://a.example https://b.example", "//a.example", "a.example", "file:///x", "https://", "https://:443", "https://bücher.example", "javascript:alert(1)"} {
		if got, err := origin(wrong); err == nil {
			t.Errorf("%q: got %q, want it refused", wrong, got)
		}
	}
}
