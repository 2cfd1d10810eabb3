// Checks requests with crypto/hmac, as a receiver in Go does. Reads a JSON line a request; writes for each
// "true" where Flipt's signature and a Standard Webhooks signature hold, else "false".
package main

import (
	"bufio"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"strings"
)

type request struct {
	Body, Id, Timestamp, Flipt, Standard string
	Secret, Key                          string
}

func mac(key []byte, text string) []byte {
	hash := hmac.New(sha256.New, key)
	hash.Write([]byte(text))
	return hash.Sum(nil)
}

func (r request) holds() bool {
	flipt, err := hex.DecodeString(r.Flipt)
	if err != nil || strings.ToLower(r.Flipt) != r.Flipt || !hmac.Equal(flipt, mac([]byte(r.Secret), r.Body)) {
		return false
	}
	key, err := base64.StdEncoding.DecodeString(r.Key)
	if err != nil {
		return false
	}
	wanted := mac(key, r.Id+"."+r.Timestamp+"."+r.Body)
	for _, one := range strings.Split(r.Standard, " ") {
		given, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(one, "v1,"))
		if err == nil && hmac.Equal(given, wanted) {
			return true
		}
	}
	return false
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		var one request
		if err := json.Unmarshal(lines.Bytes(), &one); err != nil {
			panic(err)
		}
		fmt.Println(one.holds())
	}
}
