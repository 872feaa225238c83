package demo_test

import (
	"bytes"
	"flag"
	"fmt"
	"image"
	"image/draw"
	"image/jpeg"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cartkeep/cartkeep/internal/demo"
)

// maxCopy bounds one copy: all of them are in the program.
const maxCopy = 40 << 10

var redraw = flag.Bool("redraw", false, "let Chromium make the copies for sharing anew")

// TestEveryDrawingHasACopyForSharing: services that show a picture beside a
// link take no drawings. Run with -redraw after a drawing has changed.
func TestEveryDrawingHasACopyForSharing(t *testing.T) {
	if *redraw {
		for _, name := range demo.Pictures() {
			if err := drawCopy(t.TempDir(), name); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		t.Skip("drawn; the next run looks at them")
	}
	for _, name := range demo.Pictures() {
		name = strings.TrimSuffix(name, ".svg") + ".jpg"
		b, ok := demo.Picture(name)
		if !ok {
			t.Errorf("%s is not there: run with -redraw", name)
			continue
		}
		c, err := jpeg.DecodeConfig(bytes.NewReader(b))
		if err != nil || c.Width != demo.ShareWidth || c.Height != demo.ShareHeight || len(b) > maxCopy {
			t.Errorf("%s: %dx%d, %d bytes, %v", name, c.Width, c.Height, len(b), err)
		}
	}
}

func drawCopy(dir, name string) error {
	svg, _ := demo.Picture(name)
	page := filepath.Join(dir, "page.html")
	html := `<!doctype html><style>body{margin:0;background:#f3eee3}svg{display:block;margin:15px auto;width:auto;height:600px}</style>` + string(svg)
	if err := os.WriteFile(page, []byte(html), 0o600); err != nil {
		return err
	}
	shot := filepath.Join(dir, "shot.png")
	cmd := exec.Command("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--force-device-scale-factor=1",
		"--user-data-dir="+filepath.Join(dir, "profile"), fmt.Sprintf("--window-size=%d,900", demo.ShareWidth), "--screenshot="+shot, "file://"+page)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	f, err := os.Open(shot)
	if err != nil {
		return err
	}
	defer f.Close()
	drawn, err := png.Decode(f)
	if err != nil {
		return err
	}
	cut := image.NewRGBA(image.Rect(0, 0, demo.ShareWidth, demo.ShareHeight))
	draw.Draw(cut, cut.Rect, drawn, image.Point{}, draw.Src)
	var out bytes.Buffer
	for quality := 82; out.Len() == 0 || out.Len() > maxCopy; quality -= 4 {
		out.Reset()
		if err := jpeg.Encode(&out, cut, &jpeg.Options{Quality: quality}); err != nil {
			return err
		}
	}
	return os.WriteFile("share/"+strings.TrimSuffix(name, ".svg")+".jpg", out.Bytes(), 0o644)
}
