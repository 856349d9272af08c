package console

// Patterns lists the patterns of all routes.
func Patterns() []string {
	var out []string
	for _, r := range (&console{}).routes() {
		out = append(out, r.pattern)
	}
	return out
}
