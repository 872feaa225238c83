// Command cartkeep is the shop: server, console and tools in one binary.
package main

import (
	"os"
	_ "time/tzdata" // a shop's time zone must not depend on what the machine has installed

	"github.com/cartkeep/cartkeep/internal/app"
)

func main() { os.Exit(app.Main(os.Args[1:])) }
