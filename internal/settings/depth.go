package settings

// maxDepth bounds how many tables lie within one another, as brackets or as a
// dotted name. No setting needs more than four.
const maxDepth = 20

// tooDeep returns the line of a file on which tables lie too deep in one
// another, or 0. It is asked before the file is read as TOML: what that costs
// grows with the square of the depth, and a file of 1 MiB could take all memory
// of the shop that reads it.
//
// It sees names and brackets and skips texts and remarks. Of a file that is no
// TOML it may say anything.
func tooDeep(file string) int {
	line, open, parts := 1, 0, 1
	quote := "" // that ends the text we are in
	for i := 0; i < len(file); i++ {
		c := file[i]
		if c == '\n' {
			line++
		}
		if quote != "" {
			switch {
			case c == '\\' && quote[0] == '"':
				if i++; i < len(file) && file[i] == '\n' {
					line++
				}
			case len(quote) == 1 && c == '\n', len(file)-i >= len(quote) && file[i:i+len(quote)] == quote:
				i += len(quote) - 1
				quote = ""
			}
			continue
		}
		switch c {
		case '"', '\'':
			quote = file[i : i+1]
			if len(file)-i >= 3 && file[i+1] == c && file[i+2] == c {
				quote = file[i : i+3]
				i += 2
			}
		case '#':
			for i+1 < len(file) && file[i+1] != '\n' {
				i++
			}
		case '{', '[':
			open, parts = open+1, 1
		case '}', ']':
			open, parts = open-1, 1
		case '.':
			parts++
		case '=', ',', '\n':
			parts = 1
		}
		if open > maxDepth || parts > maxDepth {
			return line
		}
	}
	return 0
}
