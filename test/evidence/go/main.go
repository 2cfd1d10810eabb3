// Checks notes, roots and proofs with other people's code, and signs a note with it. Cases come in as
// JSON, results go out as JSON.
package main

import (
	"encoding/json"
	"os"

	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type inclusion struct {
	Index, Size uint64
	Line        string
	Hashes      [][]byte
	Root        []byte
}

type consistency struct {
	From, To         uint64
	FromRoot, ToRoot []byte
	Hashes           [][]byte
}

type cases struct {
	VerifierKey string
	Notes       []string
	Lines       []string
	Inclusions  []inclusion
	Consistency []consistency
	SignerKey   string
	Text        string
}

// What is wrong with each, empty where nothing is; the root after each line; a note.
type results struct {
	Notes       []string
	Roots       [][]byte
	Inclusions  []string
	Consistency []string
	Signed      string
}

func main() {
	var in cases
	must(json.NewDecoder(os.Stdin).Decode(&in))
	out := results{Notes: []string{}, Roots: [][]byte{}, Inclusions: []string{}, Consistency: []string{}}
	verifier, err := note.NewVerifier(in.VerifierKey)
	must(err)
	for _, text := range in.Notes {
		_, err := note.Open([]byte(text), note.VerifierList(verifier))
		out.Notes = append(out.Notes, fault(err))
	}
	tree := (&compact.RangeFactory{Hash: rfc6962.DefaultHasher.HashChildren}).NewEmptyRange(0)
	for _, line := range in.Lines {
		must(tree.Append(rfc6962.DefaultHasher.HashLeaf([]byte(line)), nil))
		root, err := tree.GetRootHash(nil)
		must(err)
		out.Roots = append(out.Roots, root)
	}
	for _, c := range in.Inclusions {
		leaf := rfc6962.DefaultHasher.HashLeaf([]byte(c.Line))
		err := proof.VerifyInclusion(rfc6962.DefaultHasher, c.Index, c.Size, leaf, c.Hashes, c.Root)
		if err == nil {
			path := tlog.RecordProof(hashes(c.Hashes))
			err = tlog.CheckRecord(path, int64(c.Size), tlog.Hash(c.Root), int64(c.Index), tlog.Hash(leaf))
		}
		out.Inclusions = append(out.Inclusions, fault(err))
	}
	for _, c := range in.Consistency {
		err := proof.VerifyConsistency(rfc6962.DefaultHasher, c.From, c.To, c.Hashes, c.FromRoot, c.ToRoot)
		if err == nil {
			path := tlog.TreeProof(hashes(c.Hashes))
			err = tlog.CheckTree(path, int64(c.To), tlog.Hash(c.ToRoot), int64(c.From), tlog.Hash(c.FromRoot))
		}
		out.Consistency = append(out.Consistency, fault(err))
	}
	signer, err := note.NewSigner(in.SignerKey)
	must(err)
	signed, err := note.Sign(&note.Note{Text: in.Text}, signer)
	must(err)
	out.Signed = string(signed)
	must(json.NewEncoder(os.Stdout).Encode(out))
}

func hashes(list [][]byte) []tlog.Hash {
	var out []tlog.Hash
	for _, hash := range list {
		out = append(out, tlog.Hash(hash))
	}
	return out
}

func fault(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
