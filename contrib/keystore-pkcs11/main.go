// Keystore-pkcs11 is a key plugin of Cartkeep for hardware modules and whatever
// else speaks PKCS #11.
//
// The protocol is that of internal/keystore/plugin.go: one JSON object in, one
// out. Each key that the shop names is an AES key of the token with that label,
// which never leaves it, so that ending it ends one epoch and no other. The name is
// associated data too: what was wrapped for one epoch unwraps for no other.
//
// It is told by the environment: PKCS11_MODULE, the library of the module;
// PKCS11_TOKEN, the token's label; PKCS11_PIN_FILE, a file with the user's PIN.
//
// What it wraps is: id of the key 16 ‖ nonce 12 ‖ AES-256-GCM. The id tells apart
// two keys that were made for one name at the same moment.
//
// It knows how to ask a token. It does not know what an epoch is, nor what its key opens.
package main

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"

	"github.com/miekg/pkcs11"
)

type question struct {
	Version int
	Act     string
	Key     string
	Data    []byte
}

type answer struct {
	Data  []byte `json:"data,omitempty"`
	Error string `json:"error,omitempty"`
	Again bool   `json:"again,omitempty"`
}

func main() {
	if err := json.NewEncoder(os.Stdout).Encode(reply(os.Stdin)); err != nil {
		os.Exit(1)
	}
}

// named are the names that may be a label.
var named = regexp.MustCompile(`^cartkeep-[A-Za-z0-9-]{1,200}$`)

var errQuestion = errors.New("the question is not understood")

func reply(in io.Reader) answer {
	var q question
	err := errQuestion
	if json.NewDecoder(in).Decode(&q) == nil && q.Version == 1 && named.MatchString(q.Key) {
		var data []byte
		if data, err = answered(q); err == nil {
			return answer{Data: data}
		}
	}
	a := answer{Error: err.Error()}
	var code pkcs11.Error
	if errors.As(err, &code) {
		a.Error = "the token says " + pkcs11.Error(code).Error()
		switch code {
		case pkcs11.CKR_DEVICE_ERROR, pkcs11.CKR_DEVICE_REMOVED, pkcs11.CKR_TOKEN_NOT_PRESENT, pkcs11.CKR_SESSION_COUNT:
			a.Again = true
		}
	}
	return a
}

func answered(q question) (data []byte, err error) {
	t, err := open()
	if err != nil {
		return nil, err
	}
	defer t.close()
	switch q.Act {
	case "new":
		return nil, t.make(q.Key)
	case "wrap":
		return t.wrap(q.Key, q.Data)
	case "unwrap":
		return t.unwrap(q.Key, q.Data)
	case "delete":
		return nil, t.end(q.Key)
	}
	return nil, errQuestion
}

// token is a token that we are logged in to.
type token struct {
	*pkcs11.Ctx
	session pkcs11.SessionHandle
}

func open() (t token, err error) {
	module, label, pinFile := os.Getenv("PKCS11_MODULE"), os.Getenv("PKCS11_TOKEN"), os.Getenv("PKCS11_PIN_FILE")
	if module == "" || label == "" || pinFile == "" {
		return t, errors.New("set PKCS11_MODULE, PKCS11_TOKEN and PKCS11_PIN_FILE")
	}
	pin, err := os.ReadFile(pinFile)
	if err != nil {
		return t, errors.New("the file with the PIN can't be read")
	}
	if t.Ctx = pkcs11.New(module); t.Ctx == nil {
		return t, errors.New("the library of the module can't be loaded")
	}
	if err := t.Initialize(); err != nil {
		t.Destroy()
		return t, err
	}
	slot, err := t.slot(label)
	if err == nil {
		t.session, err = t.OpenSession(slot, pkcs11.CKF_SERIAL_SESSION|pkcs11.CKF_RW_SESSION)
	}
	if err == nil {
		err = t.Login(t.session, pkcs11.CKU_USER, strings.TrimSpace(string(pin)))
	}
	if err != nil {
		t.close()
		return t, err
	}
	return t, nil
}

func (t token) close() {
	t.Finalize() // ends the session and the login with it
	t.Destroy()
}

func (t token) slot(label string) (uint, error) {
	slots, err := t.GetSlotList(true)
	if err != nil {
		return 0, err
	}
	for _, s := range slots {
		if info, err := t.GetTokenInfo(s); err == nil && strings.TrimRight(info.Label, " \x00") == label {
			return s, nil
		}
	}
	return 0, fmt.Errorf("no token is called %s", label)
}

const (
	idSize    = 16
	nonceSize = 12
	tagBits   = 128
)

// find gives the keys of a name; with an id, that one alone.
func (t token) find(key string, id []byte) ([]pkcs11.ObjectHandle, error) {
	like := []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_CLASS, pkcs11.CKO_SECRET_KEY), pkcs11.NewAttribute(pkcs11.CKA_LABEL, key)}
	if id != nil {
		like = append(like, pkcs11.NewAttribute(pkcs11.CKA_ID, id))
	}
	if err := t.FindObjectsInit(t.session, like); err != nil {
		return nil, err
	}
	list, _, err := t.FindObjects(t.session, 100)
	return list, errors.Join(err, t.FindObjectsFinal(t.session))
}

func (t token) make(key string) error {
	list, err := t.find(key, nil)
	if err != nil || len(list) > 0 {
		return err
	}
	id := make([]byte, idSize)
	rand.Read(id)
	_, err = t.GenerateKey(t.session, []*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_AES_KEY_GEN, nil)}, []*pkcs11.Attribute{
		pkcs11.NewAttribute(pkcs11.CKA_LABEL, key),
		pkcs11.NewAttribute(pkcs11.CKA_ID, id),
		pkcs11.NewAttribute(pkcs11.CKA_VALUE_LEN, 32),
		pkcs11.NewAttribute(pkcs11.CKA_TOKEN, true),
		pkcs11.NewAttribute(pkcs11.CKA_PRIVATE, true),
		pkcs11.NewAttribute(pkcs11.CKA_SENSITIVE, true),
		pkcs11.NewAttribute(pkcs11.CKA_EXTRACTABLE, false),
		pkcs11.NewAttribute(pkcs11.CKA_ENCRYPT, true),
		pkcs11.NewAttribute(pkcs11.CKA_DECRYPT, true),
		pkcs11.NewAttribute(pkcs11.CKA_WRAP, false),
		pkcs11.NewAttribute(pkcs11.CKA_UNWRAP, false),
	})
	return err
}

var errNoKey = errors.New("no such key")

func (t token) wrap(key string, data []byte) ([]byte, error) {
	list, err := t.find(key, nil)
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, errNoKey
	}
	is, err := t.GetAttributeValue(t.session, list[0], []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_ID, nil)})
	if err != nil {
		return nil, err
	}
	if len(is) != 1 || len(is[0].Value) != idSize {
		return nil, errors.New("the key is not one that this plugin made")
	}
	nonce := make([]byte, nonceSize)
	rand.Read(nonce)
	how := pkcs11.NewGCMParams(nonce, []byte(key), tagBits)
	defer how.Free()
	if err := t.EncryptInit(t.session, []*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_AES_GCM, how)}, list[0]); err != nil {
		return nil, err
	}
	box, err := t.Encrypt(t.session, data)
	if err != nil {
		return nil, err
	}
	// A module may choose a nonce of its own.
	if used := how.IV(); len(used) == nonceSize {
		nonce = used
	}
	return append(append(append([]byte{}, is[0].Value...), nonce...), box...), nil
}

func (t token) unwrap(key string, wrapped []byte) ([]byte, error) {
	if len(wrapped) <= idSize+nonceSize {
		return nil, errors.New("it does not open")
	}
	list, err := t.find(key, wrapped[:idSize])
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, errNoKey
	}
	how := pkcs11.NewGCMParams(wrapped[idSize:idSize+nonceSize], []byte(key), tagBits)
	defer how.Free()
	if err := t.DecryptInit(t.session, []*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_AES_GCM, how)}, list[0]); err != nil {
		return nil, err
	}
	return t.Decrypt(t.session, wrapped[idSize+nonceSize:])
}

func (t token) end(key string) error {
	list, err := t.find(key, nil)
	for _, o := range list {
		err = errors.Join(err, t.DestroyObject(t.session, o))
	}
	return err
}
