package app

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/cartkeep/cartkeep/internal/keystore"
	"github.com/cartkeep/cartkeep/internal/seal"
	"github.com/cartkeep/cartkeep/internal/seal/keyfile"
)

// Keeping are the settings of whoever keeps the epoch keys. Which of them is used
// the key file itself says; see keys move.
type Keeping struct {
	VaultAddress   string `help:"HashiCorp Vault or OpenBao: https://HOST:PORT. Its transit engine wraps the epoch keys once they were moved there." placeholder:"URL" group:"Keys"`
	VaultMount     string `help:"Where its transit engine is." default:"transit" placeholder:"PATH" group:"Keys"`
	VaultNamespace string `help:"The namespace, where there are several." placeholder:"NAME" group:"Keys"`
	VaultTokenFile string `help:"A file with the token; read afresh each time." type:"path" placeholder:"FILE" group:"Keys"`
	VaultCA        string `help:"A file of certificates to trust besides the system's." type:"path" placeholder:"FILE" name:"vault-ca" group:"Keys"`
	KeyPlugin      string `help:"A program that wraps the epoch keys, once they were moved there; see docs/operations.md." type:"path" placeholder:"FILE" group:"Keys"`
}

// keeper is a key store that lets go of what it holds.
type keeper interface {
	seal.KeyStore
	Close()
}

// silent takes what a provider has to say where nobody reads it.
func silent(string) {}

// provider makes the one that the settings name by a word. tell gets its notes.
func (k Keeping) provider(word string, environ []string, tell func(string)) (keystore.Wrapper, error) {
	if word == "plugin" {
		if k.KeyPlugin == "" {
			return nil, errors.New("key-plugin: name the program")
		}
		p, err := keystore.NewPlugin(k.KeyPlugin, environ)
		if err != nil {
			return nil, err
		}
		p.Telling(tell)
		return p, nil
	}
	if k.VaultAddress == "" {
		return nil, errors.New("vault-address: say where Vault is")
	}
	return keystore.NewVault(keystore.VaultSettings{Address: k.VaultAddress, Mount: k.VaultMount, Namespace: k.VaultNamespace, TokenFile: k.VaultTokenFile, CAFile: k.VaultCA})
}

// openKeys opens whatever keeps the epoch keys. tell gets the notes of a provider.
func openKeys(path, id string, s *Settings, tell func(string)) (keeper, error) {
	word, err := keystore.Provider(path)
	if err != nil {
		return nil, keyFileError(path, err)
	}
	if word != "" {
		with, err := s.provider(word, os.Environ(), tell)
		if err != nil {
			return nil, fmt.Errorf("the keys are wrapped by a provider: %w", err)
		}
		return keystore.Open(path, id, with)
	}
	pass := []byte(s.Passphrase)
	defer clear(pass)
	keys, err := keyfile.Open(path, id, keyfile.Options{Passphrase: pass})
	if err != nil {
		return nil, keyFileError(path, err)
	}
	return keys, nil
}

// placement calls what a demo's keys usually lie in what it is; "" where they are
// better off.
func (v *vault) placement(s *Settings) string {
	if _, file := v.keys.(*keyfile.File); !file || s.Passphrase != "" {
		return ""
	}
	return "the keys are in " + v.saver.path + ", open, on the machine that the data is on: a thief of this machine has both. Good for a demo; a real shop keeps them better, see docs/operations.md"
}

func keyFileError(path string, err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("the key file of this shop is missing: %s", path)
	}
	return err
}

// tell prints what a provider has to say.
func (p *Process) tell(note string) { fmt.Fprintln(p.Out, "cartkeep: "+note) }

type keysMoveCmd struct {
	To            string `arg:"" help:"Who is to keep the keys: file, vault or plugin." enum:"file,vault,plugin" placeholder:"file|vault|plugin"`
	NewPassphrase string `help:"A file with the passphrase that seals the new key file; without it the file is not sealed." type:"existingfile" placeholder:"FILE"`
}

// Run moves the epoch keys. No shop may run meanwhile: it would go on with what
// kept them before.
func (c keysMoveCmd) Run(ctx context.Context, p *Process, set *Settings) error {
	f, err := openFolder(set.Data)
	if err != nil {
		return err
	}
	id, err := f.shopID()
	if err != nil {
		return err
	}
	path, err := keyPath(set, f, id)
	if err != nil {
		return err
	}
	if err := f.take(); err != nil {
		return fmt.Errorf("%w: stop the shop first", err)
	}
	return joinClose(c.move(ctx, p, set, path, id), f.release)
}

func (c keysMoveCmd) move(ctx context.Context, p *Process, set *Settings, path, id string) error {
	letGo := func() error {
		deleted, err := keystore.LetGo(ctx, path, func(word string) (keystore.Wrapper, error) { return set.provider(word, p.Environ, p.tell) })
		if deleted {
			fmt.Fprintln(p.Out, "cartkeep: the keys of the old provider are deleted")
		}
		return err
	}
	// What a move before this one was cut off in.
	if err := letGo(); err != nil {
		return fmt.Errorf("nothing was moved: %w", err)
	}
	from, err := openKeys(path, id, set, p.tell)
	if err != nil {
		return err
	}
	defer from.Close()
	epochs, err := from.Load(ctx)
	if err != nil {
		return err
	}
	defer wipe(epochs)
	to, put := "a key file", func() error { return c.toFile(ctx, path, id, epochs) }
	if c.To != "file" {
		with, err := set.provider(c.To, p.Environ, p.tell)
		if err != nil {
			return fmt.Errorf("nothing was moved: %w", err)
		}
		to, put = with.Name(), func() error {
			_, err := keystore.Replace(ctx, path, id, with, epochs)
			return err
		}
	}
	old, provided := from.(*keystore.Store)
	if provided {
		// Else what was just wrapped would be deleted with the old provider's keys.
		if old.Name() == to {
			return fmt.Errorf("nothing was moved: %w", keystore.ErrThere)
		}
		if err := old.Leave(); err != nil {
			return fmt.Errorf("nothing was moved: %w", err)
		}
	}
	if err := put(); err != nil {
		return fmt.Errorf("nothing was moved: %w", err)
	}
	fmt.Fprintf(p.Out, "cartkeep: %s moved to %s, read again and found the same\n", many(len(epochs), "epoch"), to)
	if provided {
		if err := letGo(); err != nil {
			return fmt.Errorf("the keys have moved: %w", err)
		}
	} else if c.To != "file" {
		fmt.Fprintln(p.Out, "cartkeep: the old key file is replaced; copies of it open the living epochs still. Delete them, and begin a new epoch: cartkeep keys rotate")
	}
	return nil
}

// toFile replaces what stands at path by a key file.
func (c keysMoveCmd) toFile(ctx context.Context, path, id string, epochs []seal.Epoch) error {
	var o keyfile.Options
	if c.NewPassphrase != "" {
		pass, err := secretFile(c.NewPassphrase)
		if err != nil {
			return err
		}
		o.Passphrase = []byte(pass.(string))
		defer clear(o.Passphrase)
	}
	return keyfile.Replace(ctx, path, id, o, epochs)
}

type keysTryCmd struct {
	Provider string `arg:"" help:"vault or plugin." enum:"vault,plugin" placeholder:"vault|plugin"`
}

// Run tries a provider out. It needs no shop.
func (c keysTryCmd) Run(ctx context.Context, p *Process, set *Settings) error {
	with, err := set.provider(c.Provider, p.Environ, p.tell)
	if err != nil {
		return misused("%w", err)
	}
	if err := keystore.Conform(ctx, with); err != nil {
		return fmt.Errorf("%s does not do: %w", with.Name(), err)
	}
	_, err = fmt.Fprintf(p.Out, "cartkeep: %s does what a provider has to\n", with.Name())
	return err
}
