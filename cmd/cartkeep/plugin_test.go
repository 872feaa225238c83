package main

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/json"
	"os"
	"path/filepath"
)

// keyplugin is a key plugin for the stories: it keeps its keys as files of the
// folder store. It shows the whole of what a plugin has to do.
func keyplugin() {
	var q struct {
		Act, Key string
		Data     []byte
	}
	answer := func(v map[string]any) { json.NewEncoder(os.Stdout).Encode(v) }
	fail := func(why string) { answer(map[string]any{"error": why}) }
	if err := json.NewDecoder(os.Stdin).Decode(&q); err != nil {
		fail("the question is not understood")
		return
	}
	file := filepath.Join(os.Getenv("WORK"), "store", filepath.Base(q.Key))
	raw, err := os.ReadFile(file)
	switch {
	case q.Act == "new" && err != nil:
		raw = make([]byte, 32)
		rand.Read(raw)
		err = os.WriteFile(file, raw, 0o600)
	case q.Act == "new":
		err = nil
	case q.Act == "delete":
		if err = os.Remove(file); os.IsNotExist(err) {
			err = nil
		}
	case err != nil:
		fail("no such key")
		return
	default:
		block, err := aes.NewCipher(raw)
		if err != nil {
			fail("no good key")
			return
		}
		box, err := cipher.NewGCMWithRandomNonce(block)
		if err != nil {
			fail("no good key")
			return
		}
		if q.Act == "wrap" {
			answer(map[string]any{"data": box.Seal(nil, nil, q.Data, nil)})
			return
		}
		plain, err := box.Open(nil, nil, q.Data, nil)
		if err != nil {
			fail("it does not open")
			return
		}
		answer(map[string]any{"data": plain})
		return
	}
	if err != nil {
		fail("the folder can't be written")
		return
	}
	answer(nil)
}
