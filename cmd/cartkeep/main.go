// Command cartkeep is the shop: server, console and tools in one binary.
package main

import (
	"os"

	"github.com/cartkeep/cartkeep/internal/app"
)

func main() { os.Exit(app.Main(os.Args[1:])) }
