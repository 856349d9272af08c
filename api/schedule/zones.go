package schedule

import (
	_ "embed" // the tables of time zones
	"encoding/binary"
	"strconv"
	"strings"
	"time"
)

// zoneData are the tables of the IANA time zone database, which is in the public domain, in the compiled form that
// comes with Go. It begins with a line that names the release, and a line for each zone: its name, and where its
// table begins and how long it is, counted from behind the empty line that ends the list. `go test -run
// TestZoneData -update` writes it anew from the Go that runs it.
//
//go:embed zones.bin
var zoneData string

// Zones are the names of all time zones, sorted.
func Zones() []string {
	head, _, _ := strings.Cut(zoneData, "\n\n")
	_, list, _ := strings.Cut(head, "\n")
	var names []string
	for line := range strings.Lines(list) {
		name, _, _ := strings.Cut(line, " ")
		names = append(names, name)
	}
	return names
}

// zone is a time zone. The zero value is UTC.
type zone struct {
	name string
	loc  *time.Location
	// fixed is where the zone's changes stop being listed one by one; from then on a rule gives the same ones each
	// year. It is in seconds since 1970.
	fixed int64
	// weekly tells whether the rule names days of the week, as in "the last Sunday of March", or there is none.
	weekly bool
}

func (z zone) location() *time.Location {
	if z.loc == nil {
		return time.UTC
	}
	return z.loc
}

// findZone finds a zone by its name, in exactly the case that Kubernetes wants.
func findZone(name string) (zone, error) {
	if name == "" || name == "UTC" {
		return zone{name: "UTC"}, nil
	}
	table := zoneTable(name)
	if table == "" {
		e := wrong("zone", "%.80q is not a time zone of the IANA database, as in \"Europe/Brussels\"", name)
		e.Known = Zones()
		return zone{}, e
	}
	loc, err := time.LoadLocationFromTZData(name, []byte(table))
	if err != nil {
		return zone{}, wrong("zone", "the table of the time zone %.80q cannot be read: %v", name, err)
	}
	return zone{name: name, loc: loc, fixed: lastListed(table), weekly: weeklyRule(table)}, nil
}

// zoneTable is the table of a zone, or empty if there is none.
func zoneTable(name string) string {
	if strings.ContainsAny(name, " \n") {
		return ""
	}
	head, tables, _ := strings.Cut(zoneData, "\n\n")
	_, after, found := strings.Cut(head, "\n"+name+" ")
	if !found {
		return ""
	}
	line, _, _ := strings.Cut(after, "\n")
	begin, size, _ := strings.Cut(line, " ")
	b, err1 := strconv.Atoi(begin)
	n, err2 := strconv.Atoi(size)
	if err1 != nil || err2 != nil || b < 0 || n < 0 || b+n > len(tables) {
		return ""
	}
	return tables[b : b+n]
}

// weeklyRule tells whether the rule behind a table's list, its last line, gives all changes as a day of the week:
// "M3.5.0" is the last Sunday of March, where others count the days of the year.
func weeklyRule(table string) bool {
	table = strings.TrimSuffix(table, "\n")
	rule := table[strings.LastIndexByte(table, '\n')+1:]
	return strings.Count(rule, ",") == strings.Count(rule, ",M")
}

// lastListed is the time of the last change that a table lists, in seconds since 1970; 0 if it lists none. The form
// of tables is that of RFC 9636: a header and data with times of 32 bits, then the same with 64.
func lastListed(table string) int64 {
	const header = 44
	data := []byte(table)
	if len(data) < header {
		return 0
	}
	count := func(i int) int { return int(binary.BigEndian.Uint32(data[20+4*i:])) }
	isut, isstd, leap, timed, types, chars := count(0), count(1), count(2), count(3), count(4), count(5)
	second := header + timed*5 + types*6 + chars + leap*8 + isstd + isut
	if second+header > len(data) {
		return 0
	}
	data = data[second:]
	n := count(3)
	if n == 0 || header+8*n > len(data) {
		return 0
	}
	var last int64
	if _, err := binary.Decode(data[header+8*(n-1):], binary.BigEndian, &last); err != nil {
		return 0
	}
	return last
}
