// SPDX-License-Identifier: Apache-2.0

package github

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"trunkline.dev/trunkline/webhooks"
	"trunkline.dev/trunkline/webhooks/github/delivery"
)

// Event is a delivery that was read: of which repository it is, and where to look.
type Event struct {
	// Repository is "owner/name", to be compared with the one that is configured, by [Event.Of]; empty: of none.
	Repository string
	// Former is what it was called before, where the event says that it was renamed or transferred.
	Former string
	Hint   webhooks.Hint
	// Look reports whether there is anything to look at; an event of no interest has nothing.
	Look bool
}

// Of reports whether the event is of a repository, whose name has any case.
func (e Event) Of(repository string) bool {
	return e.Repository != "" && (strings.EqualFold(e.Repository, repository) || strings.EqualFold(e.Former, repository))
}

// ErrPayload is a payload that is not what GitHub sends.
var ErrPayload = errors.New("the payload is not what GitHub sends")

// payload is all that is read of payloads. What else is in them, and what it says, is left where it is: parts that are not
// read cannot be wrong.
type payload struct {
	Action     string           `json:"action"`
	Ref        string           `json:"ref"`
	Repository *repositoryPart  `json:"repository"`
	Number     json.Number      `json:"number"`
	Pull       *numbered        `json:"pull_request"`
	Comment    *commentPart     `json:"comment"`
	Issue      *issuePart       `json:"issue"`
	CheckRun   *commitPart      `json:"check_run"`
	CheckSuite *commitPart      `json:"check_suite"`
	MergeGroup *groupPart       `json:"merge_group"`
	Changes    *json.RawMessage `json:"changes"`
}

type repositoryPart struct {
	FullName string `json:"full_name"`
	Name     string `json:"name"`
}

type numbered struct {
	Number json.Number `json:"number"`
	Head   *headPart   `json:"head"`
}

type headPart struct {
	SHA string `json:"sha"`
}

type commentPart struct {
	ID json.Number `json:"id"`
}

type issuePart struct {
	Number json.Number      `json:"number"`
	Pull   *json.RawMessage `json:"pull_request"`
}

type commitPart struct {
	HeadSHA string `json:"head_sha"`
}

type groupPart struct {
	HeadSHA string `json:"head_sha"`
	HeadRef string `json:"head_ref"`
	BaseSHA string `json:"base_sha"`
}

// readers read what an event hints at, by its name. Events that are not here are of no interest.
var readers = map[string]func(p *payload, h *webhooks.Hint) error{
	"push":                readPush,
	"pull_request":        readPull,
	"pull_request_review": readPull,
	"issue_comment":       readComment,
	"check_run":           readCheckRun,
	"check_suite":         readCheckSuite,
	"merge_group":         readGroup,
}

// ParseHint reads what a payload hints at, whose signature was found to be right. An event of no interest is no error; a
// payload in which a part is missing, null or of another type than GitHub's is, and nothing of it counts.
func ParseHint(event, id string, body []byte) (Event, error) {
	if event == "" {
		return Event{}, fmt.Errorf("%w: the delivery does not say which event it is, by %s", ErrPayload, delivery.EventHeader)
	}
	read := readers[event]
	if read == nil {
		return readOther(event, body)
	}
	var p payload
	if err := decode(body, &p); err != nil {
		return Event{}, err
	}
	if p.Repository == nil || !fullName.MatchString(p.Repository.FullName) {
		return Event{}, fmt.Errorf("%w: it names no repository", ErrPayload)
	}
	e := Event{Repository: p.Repository.FullName, Hint: webhooks.Hint{Delivery: clip(oneLine(id), 64)}}
	if err := read(&p, &e.Hint); err != nil {
		return Event{}, err
	}
	bare := e.Hint
	bare.Delivery = ""
	e.Look = bare != webhooks.Hint{}
	return e, nil
}

// decode reads JSON that is an object.
func decode(body []byte, into any) error {
	trimmed := strings.TrimLeft(string(body[:min(len(body), 64)]), " \t\r\n")
	if !strings.HasPrefix(trimmed, "{") {
		return fmt.Errorf("%w: set the hook's content type to application/json", ErrPayload)
	}
	if err := json.Unmarshal(body, into); err != nil {
		if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
			return fmt.Errorf("%w: %s is of another type", ErrPayload, clip(oneLine(wrong.Field), 100))
		}
		return fmt.Errorf("%w: it is no JSON", ErrPayload)
	}
	return nil
}

// readOther reads an event of no interest, of which only the name of the repository may be of use.
func readOther(event string, body []byte) (Event, error) {
	var object map[string]json.RawMessage
	if err := decode(body, &object); err != nil {
		return Event{}, err
	}
	if event != "repository" {
		return Event{}, nil
	}
	var p payload
	if err := decode(body, &p); err != nil {
		return Event{}, err
	}
	if p.Repository == nil || !fullName.MatchString(p.Repository.FullName) {
		return Event{}, fmt.Errorf("%w: it names no repository", ErrPayload)
	}
	return Event{Repository: p.Repository.FullName, Former: former(&p)}, nil
}

// former is what a repository was called before it was renamed or transferred; empty where the event says nothing of that.
func former(p *payload) string {
	var changes struct {
		Repository struct {
			Name struct{ From string } `json:"name"`
		} `json:"repository"`
		Owner struct {
			From struct{ User, Organization struct{ Login string } } `json:"from"`
		} `json:"owner"`
	}
	if p.Changes == nil || json.Unmarshal(*p.Changes, &changes) != nil {
		return ""
	}
	owner, name, _ := strings.Cut(p.Repository.FullName, "/")
	switch from := changes.Owner.From; {
	case p.Action == "renamed":
		name = changes.Repository.Name.From
	case p.Action == "transferred" && from.Organization.Login != "":
		owner = from.Organization.Login
	case p.Action == "transferred":
		owner = from.User.Login
	default:
		return ""
	}
	if before := owner + "/" + name; fullName.MatchString(before) {
		return before
	}
	return ""
}

// commitName is what the name of a commit looks like, by SHA-1 or SHA-256.
var commitName = regexp.MustCompile(`^(?:[0-9a-f]{40}|[0-9a-f]{64})$`)

func commit(sha string) (string, error) {
	if !commitName.MatchString(sha) {
		return "", fmt.Errorf("%w: it names no commit", ErrPayload)
	}
	return sha, nil
}

// positive reads the number of a pull request.
func positive(n json.Number) (int, error) {
	number, err := n.Int64()
	if err != nil || number < 1 || number > 1<<31-1 {
		return 0, fmt.Errorf("%w: it names no pull request", ErrPayload)
	}
	return int(number), nil
}

func readPush(p *payload, h *webhooks.Hint) error {
	if p.Ref == "" {
		return fmt.Errorf("%w: a push names its ref", ErrPayload)
	}
	h.Push = strings.HasPrefix(p.Ref, "refs/heads/") // tags are followed by nobody
	return nil
}

func readPull(p *payload, h *webhooks.Hint) (err error) {
	if p.Pull == nil {
		return fmt.Errorf("%w: it has no pull request", ErrPayload)
	}
	if h.Pull, err = positive(p.Pull.Number); err != nil {
		return err
	}
	// What else happens to a pull request says nothing new of its head.
	moved := p.Action == "opened" || p.Action == "reopened" || p.Action == "synchronize"
	if head := p.Pull.Head; moved && head != nil && commitName.MatchString(head.SHA) {
		h.SHA = head.SHA
	}
	return nil
}

func readComment(p *payload, h *webhooks.Hint) (err error) {
	if p.Issue == nil {
		return fmt.Errorf("%w: it has no issue", ErrPayload)
	}
	number, err := positive(p.Issue.Number)
	if err != nil || p.Issue.Pull == nil {
		return err // of an issue that is no pull request
	}
	h.Pull, h.Comment = number, p.Action == "created" || p.Action == "edited"
	if h.Comment && p.Comment != nil {
		h.CommentID, _ = p.Comment.ID.Int64() // zero is nobody's
	}
	return nil
}

func readCheckRun(p *payload, h *webhooks.Hint) (err error) {
	if p.CheckRun == nil {
		return fmt.Errorf("%w: it has no check run", ErrPayload)
	}
	sha, err := commit(p.CheckRun.HeadSHA)
	if err == nil && p.Action == "rerequested" { // the others are of what we did ourselves
		h.SHA, h.Rerun = sha, true
	}
	return err
}

func readCheckSuite(p *payload, h *webhooks.Hint) (err error) {
	if p.CheckSuite == nil {
		return fmt.Errorf("%w: it has no check suite", ErrPayload)
	}
	sha, err := commit(p.CheckSuite.HeadSHA)
	if err != nil {
		return err
	}
	switch p.Action {
	case "requested":
		h.SHA = sha
	case "rerequested":
		h.SHA, h.Rerun = sha, true
	}
	return nil
}

func readGroup(p *payload, h *webhooks.Hint) error {
	g := p.MergeGroup
	if g == nil {
		return fmt.Errorf("%w: it has no merge group", ErrPayload)
	}
	head, err := commit(g.HeadSHA)
	if err != nil {
		return err
	}
	base, err := commit(g.BaseSHA)
	if err != nil {
		return err
	}
	switch p.Action {
	case "checks_requested", "destroyed":
		h.Queue = &webhooks.MergeGroup{Head: head, HeadRef: strings.TrimPrefix(g.HeadRef, "refs/heads/"), Base: base, Destroyed: p.Action == "destroyed"}
	}
	return nil
}
