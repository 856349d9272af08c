// SPDX-License-Identifier: Apache-2.0

package cloud

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
)

// Provider is a cloud.
type Provider string

// The clouds.
const (
	AWS   Provider = "aws"
	GCP   Provider = "gcp"
	Azure Provider = "azure"
)

// Ref names a cluster that a cloud runs, and as whom it is reached.
type Ref struct {
	Provider Provider
	// Owner is the project of Google Cloud or the subscription of Azure; empty for AWS, where credentials have an account.
	Owner string
	// Place is the region of AWS, the location of Google Cloud, or the resource group of Azure.
	Place string
	// Cluster is its name there.
	Cluster string
	// Role is that of AWS to assume first, by its ARN; empty: none.
	Role string
	// Client is the identity of Azure to use, by its client id; empty: the only one that there is.
	Client string
	// Address is where the API server is, such as a private endpoint; empty: where the cloud says.
	Address string
	// API is where the cloud's own API is, such as a private endpoint or that of a sovereign cloud; empty: the public one.
	API string
}

// schemes are how addresses of each cloud begin.
var schemes = map[Provider]string{AWS: "eks", GCP: "gke", Azure: "aks"}

// forms are how addresses are written, and parts how many parts each has.
var (
	forms = map[Provider]string{AWS: "eks://REGION/CLUSTER", GCP: "gke://PROJECT/LOCATION/CLUSTER", Azure: "aks://SUBSCRIPTION/RESOURCE-GROUP/CLUSTER"}
	parts = map[Provider]int{AWS: 2, GCP: 3, Azure: 3}
)

// IsAddress reports whether a text is to be the address of a cluster of a cloud.
func IsAddress(s string) bool {
	_, known := providerOf(s)
	return known
}

func providerOf(s string) (Provider, bool) {
	scheme, _, _ := strings.Cut(s, "://")
	for p, known := range schemes {
		if scheme == known && scheme != s {
			return p, true
		}
	}
	return "", false
}

// Parse reads an address as [Ref.String] writes it: eks://REGION/CLUSTER, gke://PROJECT/LOCATION/CLUSTER or
// aks://SUBSCRIPTION/RESOURCE-GROUP/CLUSTER, each with ?role=, client=, address= and api= as parameters.
func Parse(s string) (Ref, error) {
	p, known := providerOf(s)
	if !known {
		return Ref{}, fmt.Errorf("%q is no address of a cluster of a cloud: write %s, %s or %s", s, forms[AWS], forms[GCP], forms[Azure])
	}
	u, err := url.Parse(s)
	if err != nil || u.User != nil || u.Fragment != "" || u.Port() != "" {
		return Ref{}, fmt.Errorf("cannot read %q: write %s", s, forms[p])
	}
	names := strings.Split(strings.Trim(u.Host+u.Path, "/"), "/")
	if len(names) != parts[p] {
		return Ref{}, fmt.Errorf("cannot read %q: write %s", s, forms[p])
	}
	out := Ref{Provider: p, Place: names[len(names)-2], Cluster: names[len(names)-1]}
	if parts[p] == 3 {
		out.Owner = names[0]
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return Ref{}, fmt.Errorf("cannot read the parameters of %q", s)
	}
	for name, values := range query {
		into, known := map[string]*string{"role": &out.Role, "client": &out.Client, "address": &out.Address, "api": &out.API}[name]
		if !known || len(values) != 1 {
			return Ref{}, fmt.Errorf("cannot read %q: its parameters are role, client, address and api, each once", s)
		}
		*into = values[0]
	}
	return out, out.Check()
}

// String is the address of the cluster.
func (r Ref) String() string {
	names := []string{r.Place, r.Cluster}
	if parts[r.Provider] == 3 {
		names = append([]string{r.Owner}, names...)
	}
	query := url.Values{}
	for name, value := range map[string]string{"role": r.Role, "client": r.Client, "address": r.Address, "api": r.API} {
		if value != "" {
			query.Set(name, value)
		}
	}
	u := url.URL{Scheme: schemes[r.Provider], Host: names[0], Path: "/" + strings.Join(names[1:], "/"), RawQuery: query.Encode()}
	return u.String()
}

// What names look like, which become parts of addresses of APIs.
var (
	plainName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.()-]{0,99}$`)
	uuid      = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)
	roleARN   = regexp.MustCompile(`^arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9_+=,.@/-]{1,512}$`)
	region    = regexp.MustCompile(`^[a-z]{2,5}(-[a-z]+)+-[0-9]{1,2}$`)
)

// Check reports what is wrong with a reference.
func (r Ref) Check() error {
	var errs []error
	wrong := func(bad bool, format string, args ...any) {
		if bad {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	wrong(!plainName.MatchString(r.Cluster), "%q is no name of a cluster", r.Cluster)
	wrong(r.Address != "" && !secure(r.Address), "%q is not where an API server is: write https://HOST", r.Address)
	wrong(r.API != "" && !secure(r.API), "%q is not where the API of a cloud is: write https://HOST", r.API)
	wrong(r.Role != "" && r.Provider != AWS, "a role is assumed in AWS only")
	wrong(r.Client != "" && r.Provider != Azure, "a client id is of Azure only")
	switch r.Provider {
	case AWS:
		wrong(!region.MatchString(r.Place), "%q is no region of AWS, such as eu-west-1", r.Place)
		wrong(r.Role != "" && !roleARN.MatchString(r.Role), "%q is no role: write its ARN, arn:aws:iam::ACCOUNT:role/NAME", r.Role)
	case GCP:
		wrong(!plainName.MatchString(r.Owner), "%q is no project of Google Cloud: write its id", r.Owner)
		wrong(!plainName.MatchString(r.Place), "%q is no location of Google Cloud, such as europe-west1", r.Place)
	case Azure:
		wrong(!uuid.MatchString(r.Owner), "%q is no subscription of Azure: write its id", r.Owner)
		wrong(!plainName.MatchString(r.Place), "%q is no resource group of Azure", r.Place)
		wrong(r.Client != "" && !uuid.MatchString(r.Client), "%q is no client id of an identity", r.Client)
	default:
		wrong(true, "%q is no cloud: write aws, gcp or azure", r.Provider)
	}
	return errors.Join(errs...)
}

// secure reports whether a token may be sent to an address: by https, or within this machine.
func secure(s string) bool {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return false
	}
	ip, err := netip.ParseAddr(u.Hostname())
	return u.Scheme == "https" || u.Scheme == "http" && (u.Hostname() == "localhost" || err == nil && ip.IsLoopback())
}
