package pg

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// account is who runs the server. PostgreSQL refuses to run as root.
type account struct {
	uid, gid int
	prefix   []string // put before a command to run it as this account
}

// owner is the account postgres when we are root, else ourselves.
func owner() (account, error) {
	if os.Geteuid() != 0 {
		return account{uid: os.Geteuid(), gid: os.Getegid()}, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return account{}, ErrAbsent
	}
	setpriv, err := exec.LookPath("setpriv")
	if err != nil {
		return account{}, fmt.Errorf("run PostgreSQL as another account than root: %w", err)
	}
	a := account{prefix: []string{setpriv, "--reuid=postgres", "--regid=postgres", "--clear-groups"}}
	if a.uid, err = strconv.Atoi(u.Uid); err != nil {
		return account{}, err
	}
	a.gid, err = strconv.Atoi(u.Gid)
	return a, err
}

func (a account) give(path string) error { return os.Chown(path, a.uid, a.gid) }

func (a account) write(path string, content []byte) error {
	if err := os.WriteFile(path, content, 0o600); err != nil {
		return err
	}
	return a.give(path)
}

// initialise makes the cluster, its certificate and its settings.
func (s *Server) initialise(bin string, who account) error {
	secret := filepath.Join(s.dir, "password")
	if err := who.write(secret, []byte(s.password)); err != nil {
		return err
	}
	// The folder is new and goes with the test: initdb need not wait for the
	// disk. The server itself does.
	args := append(who.prefix, filepath.Join(bin, "initdb"), "--pgdata="+s.DataDir(), "--username=postgres",
		"--pwfile="+secret, "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", "--no-instructions")
	initdb := exec.Command(args[0], args[1:]...)
	initdb.Dir = s.dir
	if out, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, out)
	}
	key, cert, err := certificate()
	if err != nil {
		return err
	}
	// No line without TLS for TCP, and none for any other address.
	access := "local all,replication all trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n"
	for name, content := range map[string][]byte{
		"server.key":                key,
		"server.crt":                cert,
		"data/pg_hba.conf":          []byte(access),
		"data/postgresql.auto.conf": []byte(s.settings()),
	} {
		if err := who.write(filepath.Join(s.dir, name), content); err != nil {
			return err
		}
	}
	return nil
}

// settings are the server's own: where it listens, that it waits for the disk, that
// it keeps room for its log as docs/operations.md asks, and that nothing crosses TCP in the clear.
func (s *Server) settings() string {
	return fmt.Sprintf(`
listen_addresses = '127.0.0.1'
port = %d
unix_socket_directories = '%s'
unix_socket_permissions = 0700
max_connections = 200
shared_buffers = 64MB
huge_pages = off
fsync = on
synchronous_commit = on
full_page_writes = on
min_wal_size = 512MB
ssl = on
ssl_cert_file = '%[2]s/server.crt'
ssl_key_file = '%[2]s/server.key'
ssl_min_protocol_version = 'TLSv1.3'
log_min_messages = warning
`, s.port, s.dir)
}

// watcher runs the server until its input ends, then stops it without delay
// and removes the folder, unless it is to come back.
const watcher = `
dir=$1; shift
"$@" >>"$dir/postgres.log" 2>&1 </dev/null &
server=$!
(
	while kill -0 "$server" 2>/dev/null && kill -0 "$$" 2>/dev/null; do sleep 1; done
	kill -TERM "$$" 2>/dev/null
) >/dev/null 2>&1 </dev/null &
trap 'read_ended=1' TERM
read -r _ || true
kill -QUIT "$server" 2>/dev/null
wait "$server" 2>/dev/null
[ -e "$dir/away" ] || rm -rf "$dir"
`

// watch starts the server under the shell that ends it.
func (s *Server) watch(bin string, who account) error {
	wait, alive, err := os.Pipe()
	if err != nil {
		return err
	}
	defer wait.Close()
	args := []string{"-c", watcher, "sh", s.dir}
	args = append(args, who.prefix...)
	args = append(args, filepath.Join(bin, "postgres"), "-D", s.DataDir())
	s.shell = exec.Command("/bin/sh", args...)
	s.shell.Dir = "/"
	s.shell.Stdin = wait
	// An interrupt from the terminal is for the test; the shell follows it.
	s.shell.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := s.shell.Start(); err != nil {
		_ = alive.Close() // nothing reads from it
		return err
	}
	s.alive = alive
	go func() {
		_ = s.shell.Wait() // how the shell ended tells nothing
		close(s.ended)
	}()
	return nil
}

// certificate makes the server's self-signed certificate.
func certificate() (key, cert []byte, err error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(time.Now().UnixNano()),
		Subject:               pkix.Name{CommonName: "PostgreSQL for tests"},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(48 * time.Hour),
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
		IsCA:                  true,
		DNSNames:              []string{"localhost"},
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		return nil, nil, err
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}),
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), nil
}
