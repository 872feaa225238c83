package shoptest

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// KeyPlugin is a key plugin for tests: it answers one question, with its keys as
// files of the folder dir. It shows the whole of what a plugin has to do.
func KeyPlugin(dir string, in io.Reader, out io.Writer) error {
	var q struct {
		Act, Key string
		Data     []byte
	}
	if err := json.NewDecoder(in).Decode(&q); err != nil {
		return json.NewEncoder(out).Encode(map[string]any{"error": "the question is not understood"})
	}
	answer := map[string]any{}
	data, err := keyPlugin(filepath.Join(dir, filepath.Base(q.Key)), q.Act, q.Data)
	if err != nil {
		answer["error"] = err.Error()
	} else if data != nil {
		answer["data"] = data
	} else if q.Act == "delete" {
		answer["note"] = "a file is deleted, and its blocks may stay on the disk"
	}
	return json.NewEncoder(out).Encode(answer)
}

func keyPlugin(file, act string, data []byte) ([]byte, error) {
	switch act {
	case "new":
		if newKey(file) != nil {
			return nil, errors.New("the folder can't be written")
		}
		return nil, nil
	case "delete":
		if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, errors.New("the folder can't be written")
		}
		return nil, nil
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, errors.New("no such key")
	}
	block, err := aes.NewCipher(raw)
	if err != nil {
		return nil, errors.New("no good key")
	}
	box, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, errors.New("no good key")
	}
	if act == "wrap" {
		return box.Seal(nil, nil, data, nil), nil
	}
	if data, err = box.Open(nil, nil, data, nil); err != nil {
		return nil, errors.New("it does not open")
	}
	return data, nil
}

// newKey makes a key whole or not at all, and never a second one: whoever asks
// may be killed, and ask again while we still work.
func newKey(file string) error {
	raw := make([]byte, 32)
	rand.Read(raw)
	made, err := os.CreateTemp(filepath.Dir(file), ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(made.Name())
	_, err = made.Write(raw)
	if err := errors.Join(err, made.Close()); err != nil {
		return err
	}
	if err := os.Link(made.Name(), file); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}
