// Keystore-awskms is a key plugin of Cartkeep for AWS KMS.
//
// The protocol is that of internal/keystore/plugin.go: one JSON object in, one
// out. Each key that the shop names is a KMS key of its own, found by an alias of
// that name, so that ending it ends one epoch and no other. The name is the
// encryption context too: what was wrapped for one epoch unwraps for no other, and
// CloudTrail shows which epoch was asked for.
//
// A KMS key ends after a waiting period of 7 to 30 days (KMS_PENDING_DAYS, 7 where
// it is not set). From the first moment nothing is encrypted or decrypted with
// it, but whoever may cancel the deletion in that account can bring it back.
//
// It knows how to ask KMS. It does not know what an epoch is, nor what its key opens.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/smithy-go"
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
	Note  string `json:"note,omitempty"`
}

func main() {
	// The shop waits for 30 seconds.
	ctx, cancel := context.WithTimeout(context.Background(), 25*time.Second)
	defer cancel()
	if err := json.NewEncoder(os.Stdout).Encode(reply(ctx, os.Stdin)); err != nil {
		os.Exit(1)
	}
}

func reply(ctx context.Context, in io.Reader) answer {
	var q question
	if err := json.NewDecoder(in).Decode(&q); err != nil || q.Version != 1 || !named.MatchString(q.Key) {
		return answer{Error: "the question is not understood"}
	}
	days, err := pendingDays()
	if err != nil {
		return answer{Error: err.Error()}
	}
	settings, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return answer{Error: "the AWS settings can't be read"}
	}
	if settings.Region == "" {
		return answer{Error: "no AWS region is set (AWS_REGION)"}
	}
	p := plugin{kms: kms.NewFromConfig(settings), key: q.Key, days: days}
	a, err := p.do(ctx, q)
	if err != nil {
		return failure(err)
	}
	return a
}

// named are the names that may be an alias.
var named = regexp.MustCompile(`^cartkeep-[A-Za-z0-9-]{1,200}$`)

func pendingDays() (int32, error) {
	text := os.Getenv("KMS_PENDING_DAYS")
	if text == "" {
		return 7, nil
	}
	days, err := strconv.Atoi(text)
	if err != nil || days < 7 || days > 30 {
		return 0, errors.New("KMS_PENDING_DAYS is 7 to 30")
	}
	return int32(days), nil
}

// plugin answers for one key.
type plugin struct {
	kms  *kms.Client
	key  string
	days int32
}

func (p plugin) alias() *string { return aws.String("alias/" + p.key) }

// context binds what is wrapped to the epoch's name.
func (p plugin) context() map[string]string { return map[string]string{"cartkeep-key": p.key} }

var errEnding = errors.New("this key is being deleted")

func (p plugin) do(ctx context.Context, q question) (answer, error) {
	switch q.Act {
	case "new":
		return answer{}, p.make(ctx)
	case "wrap":
		out, err := p.kms.Encrypt(ctx, &kms.EncryptInput{KeyId: p.alias(), Plaintext: q.Data, EncryptionContext: p.context()})
		if err != nil {
			return answer{}, err
		}
		return answer{Data: out.CiphertextBlob}, nil
	case "unwrap":
		out, err := p.kms.Decrypt(ctx, &kms.DecryptInput{KeyId: p.alias(), CiphertextBlob: q.Data, EncryptionContext: p.context()})
		if err != nil {
			return answer{}, err
		}
		return answer{Data: out.Plaintext}, nil
	case "delete":
		return p.end(ctx)
	}
	return answer{Error: "the question is not understood"}, nil
}

// state finds the key; nil when there is none.
func (p plugin) state(ctx context.Context) (*types.KeyMetadata, error) {
	out, err := p.kms.DescribeKey(ctx, &kms.DescribeKeyInput{KeyId: p.alias()})
	var none *types.NotFoundException
	if errors.As(err, &none) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return out.KeyMetadata, nil
}

func (p plugin) make(ctx context.Context) error {
	there, err := p.state(ctx)
	if err != nil {
		return err
	}
	if there != nil {
		if there.KeyState == types.KeyStatePendingDeletion {
			return errEnding // a name stands for one epoch, and never for another
		}
		return nil
	}
	made, err := p.kms.CreateKey(ctx, &kms.CreateKeyInput{Description: aws.String("Epoch key of a Cartkeep shop: " + p.key)})
	if err != nil {
		return err
	}
	_, err = p.kms.CreateAlias(ctx, &kms.CreateAliasInput{AliasName: p.alias(), TargetKeyId: made.KeyMetadata.KeyId})
	if err == nil {
		return nil
	}
	// Ours has wrapped nothing. Somebody who asked at the same time may have been
	// first, and then theirs is the key.
	p.kms.ScheduleKeyDeletion(ctx, &kms.ScheduleKeyDeletionInput{KeyId: made.KeyMetadata.KeyId, PendingWindowInDays: aws.Int32(7)})
	var there2 *types.AlreadyExistsException
	if errors.As(err, &there2) {
		return nil
	}
	return err
}

// end has the key deleted and then frees its name, in this order: cut off in
// between, it is asked again.
func (p plugin) end(ctx context.Context) (answer, error) {
	there, err := p.state(ctx)
	if err != nil || there == nil {
		return answer{}, err
	}
	until := there.DeletionDate
	if there.KeyState != types.KeyStatePendingDeletion {
		out, err := p.kms.ScheduleKeyDeletion(ctx, &kms.ScheduleKeyDeletionInput{KeyId: there.KeyId, PendingWindowInDays: aws.Int32(p.days)})
		if err != nil {
			return answer{}, err
		}
		until = out.DeletionDate
	}
	_, err = p.kms.DeleteAlias(ctx, &kms.DeleteAliasInput{AliasName: p.alias()})
	var none *types.NotFoundException
	if err != nil && !errors.As(err, &none) {
		return answer{}, err
	}
	when := fmt.Sprintf("in %d days", p.days)
	if until != nil {
		when = "on " + until.UTC().Format(time.DateOnly)
	}
	return answer{Note: fmt.Sprintf("KMS uses %s no more and deletes it %s; until then an administrator of the account can cancel that", p.key, when)}, nil
}

// failure tells what KMS said by its code alone: its sentences name accounts.
func failure(err error) answer {
	if errors.Is(err, errEnding) {
		return answer{Error: errEnding.Error()}
	}
	var api smithy.APIError
	if !errors.As(err, &api) {
		return answer{Error: "AWS KMS can't be asked: no connection, too late, or no credentials", Again: true}
	}
	a := answer{Error: "AWS KMS says " + api.ErrorCode()}
	switch api.ErrorCode() {
	case "ThrottlingException", "LimitExceededException", "KMSInternalException", "DependencyTimeoutException", "KeyUnavailableException",
		"ServiceUnavailable", "InternalFailure", "RequestTimeout":
		a.Again = true
	}
	return a
}
