package search

// allowed is how many typos a word of that many letters may have: none up to
// three, where everything is near everything; one up to seven; two beyond.
func allowed(letters int) int {
	switch {
	case letters <= 3:
		return 0
	case letters <= 7:
		return 1
	}
	return 2
}

// distance is the number of letters added, left out, changed or swapped with
// their neighbour between a and b (optimal string alignment), or most+1 when
// it exceeds most. Both are at most maxLetter long.
func distance(a, b []rune, most int) int {
	if len(a) > len(b) {
		a, b = b, a
	}
	if len(b)-len(a) > most || len(a) > maxLetter || len(b) > maxLetter {
		return most + 1
	}
	var rows [3][maxLetter + 1]int
	two, one, now := &rows[0], &rows[1], &rows[2]
	for j := range len(a) + 1 {
		one[j] = j
	}
	for i := 1; i <= len(b); i++ {
		now[0] = i
		low := i
		for j := 1; j <= len(a); j++ {
			cost := 1
			if b[i-1] == a[j-1] {
				cost = 0
			}
			d := min(one[j-1]+cost, one[j]+1, now[j-1]+1)
			if i > 1 && j > 1 && b[i-1] == a[j-2] && b[i-2] == a[j-1] {
				d = min(d, two[j-2]+1)
			}
			now[j] = d
			low = min(low, d)
		}
		if low > most {
			return most + 1
		}
		two, one, now = one, now, two
	}
	return min(one[len(a)], most+1)
}
