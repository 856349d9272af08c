// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"crypto/sha256"
	"encoding/binary"
	"strconv"
	"strings"
)

// attempt is what an attempt is called, such as "r12k8s0e7f3ab9q": everything that has to be known of one that failed once its Job is
// gone, and that tells it from all others of its workload and lot, whoever names it.
type attempt struct {
	// number counts the attempts in a row, from 1 on.
	number int
	// epoch stands for what the lot was when they began: what is made again begins at 1 again, under other names.
	epoch string
	// digest stands for the template that it was made from.
	digest string
}

const (
	attemptPrefix = "r"
	epochLength   = 5
	digestLength  = 7
	base          = 36
	// maxNumber is the last that has a name of its own: at most one an hour, that is five years.
	maxNumber = base*base*base - 1
)

// String is the name, of 14 to 16 characters.
func (a attempt) String() string {
	return attemptPrefix + strconv.FormatInt(int64(min(a.number, maxNumber)), base) + a.epoch + a.digest
}

// parseAttempt reads a name; false if it is not one of ours, such as that of a run by hand.
func parseAttempt(name string) (attempt, bool) {
	rest, ok := strings.CutPrefix(name, attemptPrefix)
	at := len(rest) - epochLength - digestLength
	if !ok || at < 1 || at > 3 {
		return attempt{}, false
	}
	number, err := strconv.ParseUint(rest[:at], base, 32)
	if err != nil || number == 0 || rest[0] == '0' {
		return attempt{}, false
	}
	return attempt{int(number), rest[at : at+epochLength], rest[at+epochLength:]}, true
}

// short is a digest of a text as a part of names.
func short(text string, length int) string {
	sum := sha256.Sum256([]byte(text))
	digits := strconv.FormatUint(binary.BigEndian.Uint64(sum[:]), base)
	return strings.Repeat("0", max(0, length-len(digits))) + digits[len(digits)-min(length, len(digits)):]
}
