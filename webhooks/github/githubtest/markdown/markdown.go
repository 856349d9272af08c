// SPDX-License-Identifier: Apache-2.0

// Package markdown shows Markdown as GitHub does: GitHub's flavour, with the HTML that GitHub lets through and no other,
// with mentions and references found where GitHub finds them, and Mermaid blocks as pictures.
//
// What [Render] reports of a text is what GitHub would do with it: whom it notifies, and where it leads. Tests hold texts to
// it that have something in them that strangers wrote.
//
// It imports package mermaid, and nothing else of Trunkline.
package markdown

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"html"
	"io"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/microcosm-cc/bluemonday"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/renderer"
	render "github.com/yuin/goldmark/renderer/html"
	"github.com/yuin/goldmark/util"
	parsed "golang.org/x/net/html"

	"trunkline.dev/trunkline/webhooks/github/githubtest/mermaid"
)

// Page is a text as GitHub shows it.
type Page struct {
	// HTML is safe to put into a page.
	HTML string
	// Mentions are the logins and teams that GitHub would notify, without the "@"; References are the issues and pull
	// requests that it would link, such as "#7"; Links are where links lead, and Images where pictures are from.
	Mentions, References, Links, Images []string
}

// Render renders Markdown.
func Render(source string) (Page, error) {
	pictures := &pictures{token: rand.Text()}
	md := goldmark.New(
		goldmark.WithExtensions(extension.GFM),
		goldmark.WithRendererOptions(render.WithUnsafe(), renderer.WithNodeRenderers(util.Prioritized(pictures, 1))), // what is unsafe is taken out below
	)
	var out bytes.Buffer
	if err := md.Convert([]byte(source), &out); err != nil {
		return Page{}, fmt.Errorf("rendering Markdown: %w", err)
	}
	page, err := enrich(policy().Sanitize(out.String()))
	if err != nil {
		return Page{}, err
	}
	page.HTML = alert.ReplaceAllStringFunc(page.HTML, func(found string) string {
		m := alert.FindStringSubmatch(found)
		title := m[1][:1] + strings.ToLower(m[1][1:])
		shown := `<blockquote class="alert ` + strings.ToLower(m[1]) + `">` + "\n" + `<p class="title">` + title + "</p>\n"
		if m[2] == "\n" {
			shown += "<p>" // the paragraph goes on
		}
		return shown
	})
	for i, picture := range pictures.drawn {
		page.HTML = strings.Replace(page.HTML, pictures.placeholder(i), picture, 1)
	}
	return page, nil
}

// alert is a quotation that GitHub shows as a notice.
var alert = regexp.MustCompile(`<blockquote>\n<p>\[!(NOTE|TIP|IMPORTANT|WARNING|CAUTION)\](\n|</p>\n)`)

// pictures draws Mermaid blocks, and colours differences. A placeholder that nobody can guess takes their place until everything else is sanitised.
type pictures struct {
	token string
	drawn []string
}

func (p *pictures) placeholder(i int) string { return fmt.Sprintf("%s%d;", p.token, i) }

// RegisterFuncs implements [renderer.NodeRenderer].
func (p *pictures) RegisterFuncs(r renderer.NodeRendererFuncRegisterer) {
	r.Register(ast.KindFencedCodeBlock, p.block)
}

func (p *pictures) block(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	if !entering {
		return ast.WalkContinue, nil
	}
	fence := n.(*ast.FencedCodeBlock)
	var text strings.Builder
	for i := range fence.Lines().Len() {
		line := fence.Lines().At(i)
		text.Write(line.Value(source))
	}
	switch string(fence.Language(source)) {
	case "mermaid":
	case "diff":
		p.put(w, difference(text.String()))
		return ast.WalkSkipChildren, nil
	default:
		class := ""
		if l := fence.Language(source); len(l) > 0 {
			class = ` class="language-` + html.EscapeString(string(l)) + `"`
		}
		_, _ = fmt.Fprintf(w, "<pre><code%s>%s</code></pre>\n", class, html.EscapeString(text.String()))
		return ast.WalkSkipChildren, nil
	}
	picture, err := mermaid.SVG(text.String())
	if err != nil {
		picture = `<strong class="broken">Unable to render rich display</strong> ` + html.EscapeString(err.Error()) + "<pre>" + html.EscapeString(text.String()) + "</pre>"
	}
	p.put(w, `<span class="diagram">`+picture+`</span>`)
	return ast.WalkSkipChildren, nil
}

// put leaves a place for what is safe already.
func (p *pictures) put(w util.BufWriter, drawn string) {
	_, _ = fmt.Fprintf(w, "<div>%s</div>\n", p.placeholder(len(p.drawn)))
	p.drawn = append(p.drawn, drawn)
}

// difference colours the lines of a difference.
func difference(text string) string {
	var out strings.Builder
	out.WriteString(`<pre class="difference" tabindex="0"><code>`)
	for line := range strings.Lines(text) {
		class := ""
		switch line[0] {
		case '+':
			class = "add"
		case '-':
			class = "del"
		case '@':
			class = "at"
		}
		line = html.EscapeString(line)
		if class != "" {
			line = `<span class="` + class + `">` + line + "</span>"
		}
		out.WriteString(line)
	}
	out.WriteString("</code></pre>")
	return out.String()
}

// policy is what GitHub lets through: https://github.com/gjtorikian/html-pipeline, its list of elements and attributes.
var policy = sync.OnceValue(func() *bluemonday.Policy {
	p := bluemonday.NewPolicy()
	p.AllowElements("h1", "h2", "h3", "h4", "h5", "h6", "br", "b", "i", "strong", "em", "a", "pre", "code", "img", "tt", "div", "ins", "del", "sup", "sub", "p", "ol", "ul",
		"table", "thead", "tbody", "tfoot", "blockquote", "dl", "dt", "dd", "kbd", "q", "samp", "var", "hr", "ruby", "rt", "rp", "li", "tr", "td", "th", "s", "strike",
		"summary", "details", "caption", "figure", "figcaption", "abbr", "bdo", "cite", "dfn", "mark", "small", "span", "time", "wbr")
	p.AllowAttrs("href").OnElements("a")
	p.AllowAttrs("src", "alt", "width", "height").OnElements("img")
	p.AllowAttrs("open").OnElements("details")
	p.AllowAttrs("align").OnElements("td", "th", "p", "div", "h1", "h2", "h3", "img", "table")
	p.AllowAttrs("colspan", "rowspan").OnElements("td", "th")
	p.AllowAttrs("title").Globally()
	p.AllowAttrs("type", "checked", "disabled").Matching(regexp.MustCompile(`^(checkbox|)$`)).OnElements("input")
	p.AllowURLSchemes("http", "https", "mailto")
	p.AllowRelativeURLs(true)
	p.RequireParseableURLs(true)
	p.RequireNoFollowOnLinks(true)
	return p
})

var (
	mention   = regexp.MustCompile(`(^|[^\w/@.\x60-])@([A-Za-z0-9](?:[A-Za-z0-9-]{0,38})(?:/[A-Za-z0-9._-]{1,100})?)`)
	reference = regexp.MustCompile(`(^|[^\w/&#-])((?:[A-Za-z0-9-]+/[\w.-]+)?#\d{1,9}|GH-\d{1,9})\b`)
)

// enrich finds mentions, references and links in the text of a page, where GitHub does: outside of code and links.
func enrich(safe string) (Page, error) {
	var page Page
	var out strings.Builder
	z := parsed.NewTokenizer(strings.NewReader(safe))
	quiet := 0
	for {
		kind := z.Next()
		if kind == parsed.ErrorToken {
			if err := z.Err(); err != io.EOF { //nolint:errorlint // the tokenizer returns it bare
				return Page{}, fmt.Errorf("reading HTML: %w", err)
			}
			page.HTML = out.String()
			return page, nil
		}
		raw := string(z.Raw())
		token := z.Token()
		switch kind {
		case parsed.StartTagToken, parsed.SelfClosingTagToken:
			page.note(token)
			if kind == parsed.StartTagToken && slices.Contains([]string{"a", "code", "pre", "tt"}, token.Data) {
				quiet++
			}
		case parsed.EndTagToken:
			if quiet > 0 && slices.Contains([]string{"a", "code", "pre", "tt"}, token.Data) {
				quiet--
			}
		case parsed.TextToken:
			if quiet == 0 {
				raw = page.link(token.Data)
			}
		case parsed.ErrorToken, parsed.CommentToken, parsed.DoctypeToken:
		}
		out.WriteString(raw)
	}
}

// note notes where an element leads.
func (p *Page) note(t parsed.Token) {
	for _, a := range t.Attr {
		switch {
		case t.Data == "a" && a.Key == "href":
			p.Links = append(p.Links, a.Val)
		case t.Data == "img" && a.Key == "src":
			p.Images = append(p.Images, a.Val)
		}
	}
}

// link makes links of mentions and references in a text.
func (p *Page) link(text string) string {
	for _, m := range mention.FindAllStringSubmatch(text, -1) {
		p.Mentions = append(p.Mentions, m[2])
	}
	for _, m := range reference.FindAllStringSubmatch(text, -1) {
		p.References = append(p.References, m[2])
	}
	safe := mention.ReplaceAllString(text, "$1\x01$2\x02")
	safe = reference.ReplaceAllString(safe, "$1\x03$2\x02")
	return strings.NewReplacer("\x01", `<span class="mention">@`, "\x03", `<span class="mention">`, "\x02", "</span>").Replace(html.EscapeString(safe))
}
