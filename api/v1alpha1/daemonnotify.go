// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// DaemonChannel is where a channel is that declarations name in their notifications. It is not a matter of the repository where that is, and
// with which credentials.
type DaemonChannel struct {
	// Name is how declarations call it: lower-case letters, digits and dashes.
	Name string `json:"name" required:"true"`
	// Kind is what the channel is.
	Kind ChannelKind `json:"kind" required:"true"`
	// URL is where messages go, if it is no secret: that of a webhook, or of a mail server, "smtp://host:587" or "smtps://host:465"; default:
	// that of the service, or URLFile.
	URL string `json:"url,omitempty"`
	// URLFile holds the URL, where whoever has that can write, as with Slack and Teams; it is read for each message. Default: none.
	URLFile string `json:"urlFile,omitempty"`
	// TokenFile holds what signs on, and is read for each message: the token of a bot of Slack, the integration key of PagerDuty, the API key of
	// Opsgenie, the password of a mail server, or a bearer token for a webhook; default: none.
	TokenFile string `json:"tokenFile,omitempty"`
	// SecretFile holds the secret that messages of a webhook are signed with as Standard Webhooks have it, "whsec_" and base64, and is read for
	// each; default: none, and they are not.
	SecretFile string `json:"secretFile,omitempty"`
	// To are addresses of mail, or the one channel that a bot of Slack writes to; default: none.
	To []string `json:"to,omitempty"`
	// From is the address that mail is from; default: none.
	From string `json:"from,omitempty"`
	// Username signs on to a mail server; default: nobody does.
	Username string `json:"username,omitempty"`
	// PerHour is how many messages it is sent in any hour at most; default: 30.
	PerHour int `json:"perHour,omitempty" unit:"messages"`
}

// ChannelKind is what a channel is.
type ChannelKind string

// The kinds.
const (
	// ChannelSlack is an incoming webhook of Slack, or a bot with a token.
	ChannelSlack ChannelKind = "slack"
	// ChannelTeams is the webhook of a workflow of Microsoft Teams.
	ChannelTeams ChannelKind = "teams"
	// ChannelMail is mail by SMTP, with TLS.
	ChannelMail ChannelKind = "mail"
	// ChannelPagerDuty is the Events API v2 of PagerDuty.
	ChannelPagerDuty ChannelKind = "pagerduty"
	// ChannelOpsgenie is the Alert API of Opsgenie.
	ChannelOpsgenie ChannelKind = "opsgenie"
	// ChannelWebhook is JSON by POST.
	ChannelWebhook ChannelKind = "webhook"
	// ChannelCloudEvents is CloudEvents 1.0 by POST.
	ChannelCloudEvents ChannelKind = "cloudevents"
)

func (ChannelKind) values() []string {
	return []string{
		string(ChannelSlack), string(ChannelTeams), string(ChannelMail), string(ChannelPagerDuty), string(ChannelOpsgenie), string(ChannelWebhook),
		string(ChannelCloudEvents),
	}
}
