// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"k8s.io/client-go/rest"

	"trunkline.dev/trunkline/doctor"
	"trunkline.dev/trunkline/reconciler/cluster"
)

func (o Options) git(ctx context.Context) doctor.Fact[doctor.Git] {
	out := doctor.Git{}
	if o.Remote != nil {
		if r, err := o.Remote(); err == nil && (!strings.Contains(r.URL, ":") || strings.HasPrefix(r.URL, "file:")) {
			out.Needed = r.URL
		}
	}
	if out.Path = program("git"); out.Path == "" {
		return doctor.Known(out)
	}
	said, err := o.run(ctx, "version")
	if err != nil {
		return doctor.Unknown[doctor.Git]("%s cannot be run: %v", out.Path, err)
	}
	out.Version = said
	return doctor.Known(out)
}

// folders tries to write to each folder.
func (o Options) folders(ctx context.Context) []doctor.Folder {
	return tried(ctx, o, o.Folders, func(d doctor.Folder) doctor.Folder {
		d.Mode, d.Error = writable(d.Path)
		return d
	}, func(d doctor.Folder, why string) doctor.Folder {
		d.Error = why
		return d
	})
}

// tried looks at things of the disk at once. One whose disk hangs is given up.
func tried[T any](ctx context.Context, o Options, all []T, look func(T) T, give func(T, string) T) []T {
	out := slices.Clone(all)
	each(len(out), func(i int) {
		fact := ask(ctx, o.Timeout, "the disk", func(context.Context) doctor.Fact[T] { return doctor.Known(look(out[i])) })
		if fact.Value == nil {
			out[i] = give(all[i], fact.Unknown)
			return
		}
		out[i] = *fact.Value
	})
	return out
}

// writable says why nothing can be written to a folder; one that is not there is made when it is needed, in the one above it.
func writable(dir string) (mode fs.FileMode, why string) {
	info, err := os.Stat(dir)
	for errors.Is(err, fs.ErrNotExist) && filepath.Dir(dir) != dir {
		dir = filepath.Dir(dir)
		info, err = os.Stat(dir)
	}
	switch {
	case err != nil:
		return 0, reason(err)
	case !info.IsDir():
		return 0, dir + " is no folder"
	}
	f, err := os.CreateTemp(dir, ".trunkline-doctor-")
	if err != nil {
		return info.Mode(), reason(err)
	}
	return info.Mode(), reason(errors.Join(f.Close(), os.Remove(f.Name())))
}

// reason is what the system says, without the name of the file, which the finding has.
func reason(err error) string {
	if err == nil {
		return ""
	}
	if at, ok := errors.AsType[*fs.PathError](err); ok {
		return at.Err.Error()
	}
	return err.Error()
}

// secretFiles looks at the modes of files, and whether they can be read. What is in them is not.
func (o Options) secretFiles(ctx context.Context) []doctor.SecretFile {
	return tried(ctx, o, o.Secrets, func(s doctor.SecretFile) doctor.SecretFile {
		f, err := os.Open(s.Path)
		if err != nil {
			s.Error = reason(err)
			return s
		}
		defer func() { _ = f.Close() }() // nothing was written
		info, err := f.Stat()
		if err != nil {
			s.Error = reason(err)
			return s
		}
		s.Mode = info.Mode()
		return s
	}, func(s doctor.SecretFile, why string) doctor.SecretFile {
		s.Error = why
		return s
	})
}

func (o Options) kubeconfigs(ctx context.Context) []doctor.Kubeconfig {
	var out []doctor.Kubeconfig
	for _, c := range o.Clusters {
		if c.Kubeconfig != "" {
			out = append(out, doctor.Kubeconfig{Cluster: c.Name, Path: c.Kubeconfig, Context: c.Context, ExecAllows: c.AllowExec})
		}
	}
	return tried(ctx, o, out, readKubeconfig, func(k doctor.Kubeconfig, why string) doctor.Kubeconfig {
		k.Error = why
		return k
	})
}

func readKubeconfig(k doctor.Kubeconfig) doctor.Kubeconfig {
	// Nothing is run to find out what would be.
	cfg, err := cluster.Config{Name: k.Cluster, Kubeconfig: k.Path, Context: k.Context, AllowExec: true}.REST()
	if err != nil {
		k.Error = err.Error()
		return k
	}
	if cfg.ExecProvider != nil {
		k.Exec = cfg.ExecProvider.Command
		k.ExecFound = program(k.Exec) != ""
	}
	k.Expires = expiry(cfg)
	return k
}

// expiry is when the certificate of a client ends; zero if it has none.
func expiry(cfg *rest.Config) time.Time {
	block, _ := pem.Decode(cfg.CertData)
	if block == nil {
		return time.Time{}
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return time.Time{} // the connection says so
	}
	return cert.NotAfter
}

// clockOf is what an answer says of its server's clock. It is told in whole seconds.
func clockOf(header http.Header, asked, answered time.Time) *doctor.Clock {
	at, err := http.ParseTime(header.Get("Date"))
	if err != nil {
		return nil
	}
	trip := answered.Sub(asked)
	return &doctor.Clock{Ahead: at.Add(time.Second / 2).Sub(asked.Add(trip / 2)), Uncertain: trip/2 + time.Second/2}
}

func sortClocks(all []doctor.Clock) {
	slices.SortFunc(all, func(a, b doctor.Clock) int { return strings.Compare(a.Of, b.Of) })
}
