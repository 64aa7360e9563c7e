package redis

import (
	"cmp"
	"context"
	_ "embed"
	"fmt"
	"slices"

	"confab/shared/chat"
	"confab/shared/store"

	"github.com/redis/go-redis/v9"
)

//go:embed audit.lua
var auditSource string

// auditOf is what the scripts of kinds that are audited have beside the others.
func auditOf(rule chat.Rule) string {
	always, overruling := rule.Audits()
	if !always && !overruling {
		return "local note_audit\n"
	}
	return "local note_audit\n" + constant("audits", always) + constant("max_audit", chat.MaxAudit) + auditSource
}

// Audit is that of [store.Audit], in one round trip. Each bucket may have all that
// is asked for.
func (s *Store) Audit(ctx context.Context, after chat.Opt[chat.ID], n int) (all []chat.Audited, err error) {
	ctx, cancel := context.WithTimeout(ctx, replyTimeout)
	defer cancel()
	pipe := s.rdb.Pipeline()
	var reads []*redis.XMessageSliceCmd
	for i := range buckets {
		key := s.keys.bucket(i).audit()
		if after.Given {
			reads = append(reads, pipe.XRangeN(ctx, key, "("+after.Value.String(), "+", int64(n)))
		} else {
			reads = append(reads, pipe.XRevRangeN(ctx, key, "+", "-", int64(n)))
		}
	}
	_, _ = pipe.Exec(ctx) // each has its own error
	for _, read := range reads {
		for _, entry := range read.Val() {
			a, err := readAudited(entry)
			if err != nil {
				return nil, store.Unavailable("read the audit", err)
			}
			all = append(all, a)
		}
		if err := read.Err(); err != nil {
			return nil, store.Unavailable("read the audit", err)
		}
	}
	slices.SortFunc(all, func(a, b chat.Audited) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Event.Room, b.Event.Room))
	})
	if after.Given {
		upTo := min(n, len(all))
		for upTo < len(all) && all[upTo].At == all[upTo-1].At { // two nodes of a Cluster gave one place
			upTo++
		}
		return all[:upTo], nil
	}
	return all[max(0, len(all)-n):], nil
}

func readAudited(entry redis.XMessage) (a chat.Audited, err error) {
	text := func(name string) string { v, _ := entry.Values[name].(string); return v }
	if a.At, err = chat.ParseID(entry.ID); err != nil {
		return a, err
	}
	p, err := position(text("id"), text("prev"), text("at"))
	if err != nil {
		return a, fmt.Errorf("audited event %s: %w", entry.ID, err)
	}
	a.Event, err = store.Decode(p, []byte(text("event")))
	return a, err
}
