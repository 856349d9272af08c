// SPDX-License-Identifier: Apache-2.0

package schedule

import (
	"fmt"
	"regexp"
	"strings"
)

// places are where abbreviations of time zones are used most, by the abbreviation and by the name that Windows has. Several
// abbreviations are those of other places as well, which is why they name no zone.
var places = map[string]string{
	"EST": "America/New_York", "EDT": "America/New_York", "ET": "America/New_York", "EASTERN STANDARD TIME": "America/New_York",
	"CST": "America/Chicago", "CDT": "America/Chicago", "CENTRAL STANDARD TIME": "America/Chicago",
	"MST": "America/Denver", "MDT": "America/Denver", "MOUNTAIN STANDARD TIME": "America/Denver",
	"PST": "America/Los_Angeles", "PDT": "America/Los_Angeles", "PT": "America/Los_Angeles", "PACIFIC STANDARD TIME": "America/Los_Angeles",
	"BST": "Europe/London", "GMT STANDARD TIME": "Europe/London", "WEST": "Europe/Lisbon", "WET": "Europe/Lisbon",
	"CET": "Europe/Berlin", "CEST": "Europe/Berlin", "MET": "Europe/Berlin", "MEST": "Europe/Berlin",
	"W. EUROPE STANDARD TIME": "Europe/Berlin", "ROMANCE STANDARD TIME": "Europe/Paris",
	"EET": "Europe/Athens", "EEST": "Europe/Athens", "MSK": "Europe/Moscow", "IST": "Asia/Kolkata", "SGT": "Asia/Singapore",
	"HKT": "Asia/Hong_Kong", "JST": "Asia/Tokyo", "KST": "Asia/Seoul", "AEST": "Australia/Sydney", "AEDT": "Australia/Sydney",
	"NZST": "Pacific/Auckland", "NZDT": "Pacific/Auckland", "BRT": "America/Sao_Paulo",
	"EST5EDT": "America/New_York", "CST6CDT": "America/Chicago", "MST7MDT": "America/Denver", "PST8PDT": "America/Los_Angeles",
}

// fixed are the zones of the database that are abbreviations, and have no summer time although the places have one that are meant.
var fixed = map[string]string{"EST": "UTC-5", "MST": "UTC-7"}

var (
	etc    = regexp.MustCompile(`^Etc/GMT([+-])([1-9][0-9]?)$`)
	offset = regexp.MustCompile(`^(?:UTC|GMT)?([+-])0?([1-9][0-9]?)(?::?00)?$`)
)

// Seems returns why a time zone of the database may not be what it seems, and what was probably meant; nothing if it is plain.
func Seems(zone string) (why, meant string) {
	switch m := etc.FindStringSubmatch(zone); {
	case m != nil:
		return fmt.Sprintf("is UTC%s%s: the sign is the other way round", other(m[1]), m[2]), "Etc/GMT" + other(m[1]) + m[2]
	case fixed[zone] != "":
		return fmt.Sprintf("has no summer time: it is %s all year", fixed[zone]), places[zone]
	case zone != "" && places[zone] != "":
		return "is an abbreviation, and names no place whose clock it follows", places[zone]
	}
	return "", ""
}

// Meant returns the time zone that was probably meant by what is none: by an abbreviation, an offset, or a place alone. It is
// empty if that cannot be told.
func Meant(zone string) string {
	upper := strings.ToUpper(strings.TrimSpace(zone))
	if place := places[upper]; place != "" {
		return place
	}
	if m := offset.FindStringSubmatch(upper); m != nil {
		if name := "Etc/GMT" + other(m[1]) + m[2]; known(name) {
			return name
		}
		return ""
	}
	place := strings.ReplaceAll(strings.ToLower(strings.TrimSpace(zone)), " ", "_")
	for _, name := range Zones() {
		if i := strings.LastIndexByte(name, '/'); i > 0 && strings.ToLower(name[i+1:]) == place {
			return name
		}
	}
	return ""
}

// other returns the other sign.
func other(sign string) string {
	if sign == "+" {
		return "-"
	}
	return "+"
}
