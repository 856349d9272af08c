// SPDX-License-Identifier: Apache-2.0

package image

import (
	"archive/zip"
	"bytes"
	"encoding/pem"
	"fmt"
	"io"
	"path/filepath"
	"runtime/debug"
	"strings"

	"golang.org/x/crypto/x509roots/fallback/bundle"

	"trunkline.dev/trunkline/build/archive"
)

// The user of the image, who owns nothing but the folders that are to be written to.
const (
	UID = 65532
	// Data is where the daemon keeps what it keeps, a place for a volume. Everything else works on a root that cannot be written to.
	Data = "/data"
)

// Base are the files of the image without its program. zones is Go's own archive of time zones, lib/time/zoneinfo.zip.
func Base(zones string) ([]archive.Node, error) {
	nodes := []archive.Node{
		archive.Folder("data", 0o700, UID), archive.Folder("home/nonroot", 0o700, UID), archive.Folder("tmp", 0o1777, 0), archive.Folder("usr/bin", 0o755, 0),
		text("etc/passwd", "root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n"),
		text("etc/group", "root:x:0:\nnonroot:x:65532:\n"),
		// Names of /etc/hosts, which Kubernetes writes, come before those of DNS.
		text("etc/nsswitch.conf", "hosts: files dns\n"),
		text("etc/os-release", "ID=trunkline\nNAME=\"Trunkline\"\nPRETTY_NAME=\"Trunkline, without a distribution\"\nHOME_URL=\"https://trunkline.dev\"\n"),
		{Name: "etc/ssl/certs/ca-certificates.crt", Mode: 0o644, Content: certificates()},
	}
	read, err := zip.OpenReader(zones)
	if err != nil {
		return nil, fmt.Errorf("reading the time zones of the Go toolchain: %w", err)
	}
	defer read.Close()
	for _, f := range read.File {
		if strings.HasSuffix(f.Name, "/") {
			continue
		}
		if !filepath.IsLocal(f.Name) {
			return nil, fmt.Errorf("%s has a file outside of itself: %q", zones, f.Name)
		}
		content, err := unzip(f)
		if err != nil {
			return nil, fmt.Errorf("reading the time zone %s of %s: %w", f.Name, zones, err)
		}
		nodes = append(nodes, archive.Node{Name: "usr/share/zoneinfo/" + f.Name, Mode: 0o644, Content: content})
	}
	return nodes, nil
}

func unzip(f *zip.File) ([]byte, error) {
	r, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

// certificates are the roots that Mozilla trusts for servers, at the version of go.mod. Those that are trusted for what they signed
// until some day are left out: a file of certificates cannot say so.
func certificates() []byte {
	var out bytes.Buffer
	for root := range bundle.Roots() {
		if root.Constraint == nil {
			_ = pem.Encode(&out, &pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate}) // a buffer takes everything
		}
	}
	return out.Bytes()
}

// CertificatesVersion is that of the module of the certificates that this program was built with.
func CertificatesVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, dep := range info.Deps {
			if dep.Path == "golang.org/x/crypto/x509roots/fallback" {
				return dep.Version
			}
		}
	}
	return "unknown"
}

// text is a file that everybody may read.
func text(name, content string) archive.Node {
	return archive.Node{Name: name, Mode: 0o644, Content: []byte(content)}
}
