// SPDX-License-Identifier: Apache-2.0

package usage

import (
	"bufio"
	"cmp"
	"compress/gzip"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/big"
	"regexp"
	"slices"
	"strings"
	"time"
)

// The bounds of a bill.
const (
	// MaxBill is how many bytes are read.
	MaxBill = 1 << 30
	// MaxBillLines is how many charges are read.
	MaxBillLines = 5_000_000
	// MaxBillItems is what the charges may come to.
	MaxBillItems = 50_000
	// maxField bounds a column that counts, and maxPeriod how long a charge may be for.
	maxField, maxPeriod = 4096, 400 * 24 * time.Hour
	// maxRecord bounds a charge with all its columns, and maxTags its tags.
	maxRecord, maxTags = 1 << 20, 64 << 10
)

// bounded reads so many bytes at most, and no more than some for a record.
type bounded struct {
	r            io.Reader
	left, record int
}

// Read implements [io.Reader].
func (b *bounded) Read(p []byte) (int, error) {
	switch {
	case b.left <= 0:
		return 0, fmt.Errorf("it is larger than %d MiB: cut it by billing period or account", MaxBill>>20)
	case b.record <= 0:
		return 0, fmt.Errorf("a charge is larger than %d KiB", maxRecord>>10)
	}
	n, err := b.r.Read(p[:min(len(p), b.left, b.record)])
	b.left, b.record = b.left-n, b.record-n
	return n, err
}

// Item is what a cloud has billed for a service on a day, as far as it is of a cluster. Credits are billed with a minus.
type Item struct {
	Day     string `json:"day"`
	Cluster string `json:"cluster,omitempty"`
	Service string `json:"service"`
	// Nano is the amount in billionths.
	Nano int64 `json:"nano"`
}

// Bill is what an account is billed for a period, by days.
type Bill struct {
	// Account and Period, the first day of it, say which bill it is: another one with the same replaces it.
	Account  string `json:"account"`
	Period   string `json:"period"`
	Currency string `json:"currency"`
	Items    []Item `json:"items"`
}

// columns are those of FOCUS that count.
var columns = []string{"BilledCost", "BillingAccountId", "BillingCurrency", "BillingPeriodStart", "ChargePeriodStart", "ChargePeriodEnd", "ServiceName"}

// clusterTags are the tags in which clouds say which cluster something is of, the first that is there counts.
var clusterTags = []string{"trunkline.dev/cluster", "aws:eks:cluster-name", "eks:cluster-name", "goog-k8s-cluster-name", "k8s-cluster-name"}

// amountForm is a decimal number whose size is bounded.
var amountForm = regexp.MustCompile(`^-?[0-9]{1,12}(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,2})?$`)

// currencyForm is the form of the codes of currencies.
var currencyForm = regexp.MustCompile(`^[A-Z]{3}$`)

// billed is what charges are added up by.
type billed struct{ account, period, currency, day, cluster, service string }

// ReadBill reads the charges of a cloud in the format FOCUS 1.x, as CSV, which may be compressed by gzip. What does not say of which cluster it
// is, is of the one that is given. A charge for more than a day is cut into days; what is billed is what counts, with taxes and credits.
func ReadBill(r io.Reader, cluster string) ([]Bill, error) {
	begin := bufio.NewReader(r)
	r = begin
	if magic, err := begin.Peek(2); err == nil && string(magic) == "\x1f\x8b" {
		unpacked, err := gzip.NewReader(begin)
		if err != nil {
			return nil, fmt.Errorf("it is compressed by gzip: %w", err)
		}
		r = unpacked
	}
	bounds := &bounded{r: r, left: MaxBill, record: maxRecord}
	in := csv.NewReader(bounds)
	in.ReuseRecord = true
	head, err := in.Read()
	if err != nil {
		return nil, fmt.Errorf("reading the names of the columns: %w", err)
	}
	at := map[string]int{}
	for i, name := range head {
		at[strings.TrimPrefix(name, "\ufeff")] = i
	}
	for _, name := range columns {
		if _, ok := at[name]; !ok {
			return nil, noColumn(name)
		}
	}
	sums := map[billed]*big.Rat{}
	for line := 2; ; line++ {
		bounds.record = maxRecord
		record, err := in.Read()
		switch {
		case errors.Is(err, io.EOF):
			return billsOf(sums)
		case err != nil:
			return nil, fmt.Errorf("line %d: %w", line, err)
		case line > MaxBillLines:
			return nil, fmt.Errorf("it has more than %d charges: cut it by billing period or account", MaxBillLines)
		}
		field := func(name string) string {
			if i, ok := at[name]; ok {
				return record[i]
			}
			return ""
		}
		var tags map[string]any
		if text := field("Tags"); len(text) <= maxTags {
			_ = json.Unmarshal([]byte(text), &tags) // what is no mapping names no cluster
		}
		if err := charge(sums, field, cmp.Or(clusterOf(tags), cluster)); err != nil {
			return nil, fmt.Errorf("line %d: %w", line, err)
		}
	}
}

// noColumn is the error of a file without a column of FOCUS.
func noColumn(name string) error {
	return fmt.Errorf("it has no column %s, and so is no bill in the format FOCUS 1.x", name)
}

// charge adds one charge, which is of a cluster.
func charge(sums map[billed]*big.Rat, field func(string) string, cluster string) error {
	for _, name := range columns {
		if len(field(name)) > maxField {
			return fmt.Errorf("%s is longer than %d bytes", name, maxField)
		}
	}
	text := field("BilledCost")
	if !amountForm.MatchString(text) {
		return fmt.Errorf("the column BilledCost: %.40q is not an amount", text)
	}
	amount, ok := new(big.Rat).SetString(text)
	if !ok {
		return fmt.Errorf("the column BilledCost: %.40q is not an amount", text)
	}
	currency := field("BillingCurrency")
	if !currencyForm.MatchString(currency) {
		return fmt.Errorf("the column BillingCurrency: %.40q is not a currency", currency)
	}
	var times [3]time.Time
	for i, name := range []string{"BillingPeriodStart", "ChargePeriodStart", "ChargePeriodEnd"} {
		var err error
		if times[i], err = moment(field(name)); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	begin, end := times[1], times[2]
	if end.Before(begin) || end.Sub(begin) > maxPeriod {
		return errors.New("the column ChargePeriodEnd: it is before its start, or more than 400 days after it")
	}
	if end.Equal(begin) {
		end = begin.Add(1) // what is charged at once is charged on that day
	}
	key := billed{
		account: field("BillingAccountId"), period: times[0].Format(time.DateOnly), currency: currency,
		cluster: cluster, service: field("ServiceName"),
	}
	for day := DayOf(begin); day.Before(end); day = day.AddDate(0, 0, 1) {
		from, until := latest(day, begin), earliest(day.AddDate(0, 0, 1), end)
		key.day = day.Format(time.DateOnly)
		if sums[key] == nil {
			sums[key] = new(big.Rat)
		}
		share := big.NewRat(int64(until.Sub(from)), int64(end.Sub(begin)))
		sums[key].Add(sums[key], share.Mul(share, amount))
	}
	if len(sums) > MaxBillItems {
		return fmt.Errorf("there are more than %d sums of days, clusters and services: cut the bill by billing period or account", MaxBillItems)
	}
	return nil
}

// moment reads a time of FOCUS.
func moment(text string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02 15:04:05", "2006-01-02 15:04:05.999 MST", time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil && t.Year() >= 2000 && t.Year() < 2200 {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%.40q is not a time, such as 2026-11-21T00:00:00Z", text)
}

// clusterOf returns which cluster tags name; empty if they name none.
func clusterOf(tags map[string]any) string {
	for _, name := range clusterTags {
		if value, ok := tags[name].(string); ok && value != "" && len(value) <= maxField {
			return value
		}
	}
	return ""
}

// billsOf rounds the sums, and sorts them into bills.
func billsOf(sums map[billed]*big.Rat) ([]Bill, error) {
	bills := map[[2]string]*Bill{}
	for _, key := range slices.SortedFunc(maps.Keys(sums), func(a, b billed) int {
		return cmp.Or(strings.Compare(a.account, b.account), strings.Compare(a.period, b.period), strings.Compare(a.currency, b.currency),
			strings.Compare(a.day, b.day), strings.Compare(a.cluster, b.cluster), strings.Compare(a.service, b.service))
	}) {
		id := [2]string{key.account, key.period}
		if bills[id] == nil {
			bills[id] = &Bill{Account: key.account, Period: key.period, Currency: key.currency}
		}
		b := bills[id]
		if b.Currency != key.currency {
			return nil, fmt.Errorf("the bill of %.80q for %s is in %s and in %s: a bill has one currency", key.account, key.period, b.Currency, key.currency)
		}
		nano := rounded(sums[key])
		if !nano.IsInt64() {
			return nil, fmt.Errorf("%s on %s: %w", key.service, key.day, ErrTooMuch)
		}
		b.Items = append(b.Items, Item{Day: key.day, Cluster: key.cluster, Service: key.service, Nano: nano.Int64()})
	}
	var out []Bill
	for _, id := range slices.SortedFunc(maps.Keys(bills), func(a, b [2]string) int {
		return cmp.Or(strings.Compare(a[0], b[0]), strings.Compare(a[1], b[1]))
	}) {
		out = append(out, *bills[id])
	}
	return out, nil
}

// Against is what was counted on a day in a cluster, and what was billed.
type Against struct {
	Day     string `json:"day"`
	Cluster string `json:"cluster"`
	Counted int64  `json:"-"`
	Billed  int64  `json:"-"`
	// Services are what was billed, by service.
	Services map[string]int64 `json:"-"`
}

// Reconcile holds what was counted, by day and cluster, against what was billed, in the order of the days.
func Reconcile(counted []Row, billed []Item) []Against {
	all := map[[2]string]*Against{}
	at := func(day, cluster string) *Against {
		key := [2]string{day, cluster}
		if all[key] == nil {
			all[key] = &Against{Day: day, Cluster: cluster, Services: map[string]int64{}}
		}
		return all[key]
	}
	for _, r := range counted {
		at(r.Day, r.Cluster).Counted += r.Nano
	}
	for _, i := range billed {
		a := at(i.Day, i.Cluster)
		a.Billed += i.Nano
		a.Services[i.Service] += i.Nano
	}
	var out []Against
	for _, key := range slices.SortedFunc(maps.Keys(all), func(a, b [2]string) int {
		return cmp.Or(strings.Compare(a[0], b[0]), strings.Compare(a[1], b[1]))
	}) {
		out = append(out, *all[key])
	}
	return out
}

// Check returns what is wrong with a bill that came from elsewhere.
func (b Bill) Check() error {
	if _, err := time.Parse(time.DateOnly, b.Period); err != nil {
		return fmt.Errorf("period: %.40q is not a day, such as 2026-11-01", b.Period)
	}
	if !currencyForm.MatchString(b.Currency) {
		return fmt.Errorf("currency: %.40q is not a currency", b.Currency)
	}
	if len(b.Items) == 0 || len(b.Items) > MaxBillItems {
		return fmt.Errorf("items: there are %d, want 1 to %d", len(b.Items), MaxBillItems)
	}
	seen := map[Item]bool{}
	for i, item := range b.Items {
		if _, err := time.Parse(time.DateOnly, item.Day); err != nil {
			return fmt.Errorf("items[%d].day: %.40q is not a day, such as 2026-11-01", i, item.Day)
		}
		if len(b.Account)+len(item.Cluster)+len(item.Service) > maxField || strings.ContainsRune(b.Account+item.Cluster+item.Service, 0) {
			return fmt.Errorf("items[%d]: its names are too long, or no texts", i)
		}
		key := item
		key.Nano = 0
		if seen[key] {
			return fmt.Errorf("items[%d]: %s of %q on %s is there twice", i, item.Service, item.Cluster, item.Day)
		}
		seen[key] = true
	}
	return nil
}
