// Executes templates with Go's own text/template, as Flipt does: the event as a struct, its payload as
// encoding/json decodes it. Reads a JSON line a case, writes a JSON line a result.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"text/template"

	"rendering/audit"
)

type testCase struct {
	Template string      `json:"template"`
	Event    audit.Event `json:"event"`
}

type result struct {
	Parses bool   `json:"parses"`
	Runs   bool   `json:"runs"`
	Text   string `json:"text"`
	Error  string `json:"error"`
}

func toJson(value interface{}) (string, error) {
	text, err := json.Marshal(value)
	return string(text), err
}

func run(given testCase) (done result) {
	parsed, err := template.New("").Funcs(template.FuncMap{"toJson": toJson}).Parse(given.Template)
	if err != nil {
		return result{Error: err.Error()}
	}
	if given.Event.Metadata.Actor == nil {
		given.Event.Metadata.Actor = &audit.Actor{}
	}
	var body bytes.Buffer
	if err := parsed.Execute(&body, given.Event); err != nil {
		return result{Parses: true, Error: err.Error()}
	}
	return result{Parses: true, Runs: true, Text: body.String()}
}

func main() {
	lines := bufio.NewReader(os.Stdin)
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	encoder := json.NewEncoder(out)
	decoder := json.NewDecoder(lines)
	for decoder.More() {
		var given testCase
		if err := decoder.Decode(&given); err != nil {
			panic(err)
		}
		if err := encoder.Encode(run(given)); err != nil {
			panic(err)
		}
	}
}
