package schedule

import "strings"

// ZoneRelease returns the release of the time zone database, such as "2025c".
func ZoneRelease() string {
	release, _, _ := strings.Cut(zoneData, "\n")
	return release
}
