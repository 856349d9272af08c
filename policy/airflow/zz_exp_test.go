package airflow

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestZZDir(t *testing.T) {
	n := 0
	st := time.Now()
	for _, root := range strings.Split(os.Getenv("ROOTS"), ":") {
		filepath.Walk(root, func(p string, i os.FileInfo, err error) error {
			if err != nil || i.IsDir() || !strings.HasSuffix(p, ".py") {
				return nil
			}
			b, _ := os.ReadFile(p)
			t0 := time.Now()
			m := Parse(p, b)
			d := time.Since(t0)
			n++
			for _, pr := range m.Problems {
				if os.Getenv("ALL") != "" || pr.Severity == "deny" {
					fmt.Println(pr)
				}
			}
			if d > 500*time.Millisecond {
				fmt.Println("SLOW", p, d)
			}
			return nil
		})
	}
	fmt.Println(n, time.Since(st))
}
func TestZZCron(t *testing.T) {
	f, _ := os.Open("/tmp/cron.jsonl")
	sc := bufio.NewScanner(f)
	bad, n := 0, 0
	for sc.Scan() {
		var r struct {
			E  string
			Ok bool
		}
		json.Unmarshal(sc.Bytes(), &r)
		w, _ := cronWrong(r.E)
		n++
		if r.E == "@once" || r.E == "@continuous" || r.E == "@quarterly" {
			continue
		}
		if (w == "") != r.Ok {
			bad++
			if bad < 40 {
				fmt.Printf("%q croniter=%v go=%q\n", r.E, r.Ok, w)
			}
		}
	}
	fmt.Println("cron", n, "diff", bad)
}
func TestZZMut(t *testing.T) {
	var cs []string
	b, _ := os.ReadFile("/tmp/mut.json")
	json.Unmarshal(b, &cs)
	var res [3][]string
	for i, v := range []string{"11", "12", "13"} {
		b, _ := os.ReadFile("/tmp/c" + v + ".json")
		json.Unmarshal(b, &res[i])
	}
	fd, miss, agree, off := 0, 0, 0, 0
	kinds := map[string]int{}
	for i, s := range cs {
		m := Parse("f.py", []byte(s))
		var p string
		line := 0
		skipped := !looksLikeDag([]byte(s))
		for _, x := range m.Problems {
			if x.Rule == RuleSyntax || strings.Contains(x.Message,"annotation was not") {
				p = x.String()
				line = x.Position.Line
				break
			}
		}
		any := res[0][i] == "" || res[1][i] == "" || res[2][i] == ""
		all := res[0][i] == "" && res[1][i] == "" && res[2][i] == ""
		if any && p != "" && m.Problems.Denied() {
			fd++
			if fd < 15 {
				os.WriteFile(fmt.Sprintf("/tmp/fd%d.py", fd), []byte(s), 0644)
				L := strings.Split(s, "\n")
				fmt.Printf("FALSE %d %s\n   | %s\n   %q %q %q\n", fd, p, L[max(0, min(len(L), line)-1)], res[0][i], res[1][i], res[2][i])
			}
			continue
		}
		if !any && p == "" {
			_ = skipped
			miss++
			k := res[0][i]
			kinds[k[:strings.LastIndex(k, "@")]]++
			if kinds[k[:strings.LastIndex(k, "@")]] <= 40 && miss < 4000 {
				var ln int
				fmt.Sscanf(k[strings.LastIndex(k, "@")+1:], "%d", &ln)
				L := strings.Split(s, "\n")
				if ln > 0 && ln <= len(L) {
					fmt.Printf("MISS %s\n   | %s\n", k, L[ln-1])
				}
			}
			continue
		}
		_ = all
		if p != "" {
			var ln int
			k := res[2][i]
			fmt.Sscanf(k[strings.LastIndex(k, "@")+1:], "%d", &ln)
			if ln != line {
				off++
			}
		}
		agree++
	}
	fmt.Println("agree", agree, "false denies", fd, "missed", miss, "other line", off)
	for k, v := range kinds {
		if v > 2 {
			fmt.Println(v, k)
		}
	}
}
func TestZZLib(t *testing.T){ b,_:=os.ReadFile("/tmp/okfiles.txt"); n,bad:=0,0; st:=time.Now()
 for _,p:=range strings.Split(strings.TrimSpace(string(b)),"\n") { d,_:=os.ReadFile(p); m:=Parse(p,d); n++
  for _,x:=range m.Problems { if x.Rule==RuleSyntax { bad++; fmt.Println(x) } else if x.Rule==RuleUndecided && strings.Contains(x.Message,"not looked at") { fmt.Println("UND",x) } } }
 fmt.Println(n,bad,time.Since(st)) }
