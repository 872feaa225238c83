package main

import (
	"log"
	"os"
	"path/filepath"

	"github.com/cartkeep/cartkeep/internal/shoptest"
)

// keyplugin is a key plugin for the stories, with its keys in the folder store.
func keyplugin() {
	if err := shoptest.KeyPlugin(filepath.Join(os.Getenv("WORK"), "store"), os.Stdin, os.Stdout); err != nil {
		log.Fatal(err)
	}
}
