// Package audit has the event as Flipt declares it, so that %T shows the same names.
package audit

type Actor struct {
	Authentication string `json:"authentication,omitempty"`
	IP             string `json:"ip,omitempty"`
	Email          string `json:"email,omitempty"`
	Name           string `json:"name,omitempty"`
	Picture        string `json:"picture,omitempty"`
}

type Metadata struct {
	Actor *Actor `json:"actor,omitempty"`
}

type Event struct {
	Version   string      `json:"version"`
	Type      string      `json:"type"`
	Action    string      `json:"action"`
	Metadata  Metadata    `json:"metadata"`
	Payload   interface{} `json:"payload"`
	Timestamp string      `json:"timestamp"`
	Status    string      `json:"status"`
}
