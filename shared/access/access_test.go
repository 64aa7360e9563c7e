package access_test

import (
	"errors"
	"slices"
	"testing"

	"confab/shared/access"
	"confab/shared/chat"
)

var (
	nobody = chat.User{}
	ann    = chat.User{ID: "u_ann", Name: "ann"}
)

func TestMay(t *testing.T) {
	guests := access.Facts{GuestsRead: true}
	for _, tt := range []struct {
		user  chat.User
		do    access.Action
		facts access.Facts
		want  error
	}{
		{nobody, access.Read, guests, nil},
		{nobody, access.List, guests, nil},
		{nobody, access.Read, access.Facts{}, chat.ErrUnauthorized},
		{nobody, access.List, access.Facts{}, chat.ErrUnauthorized},
		{nobody, access.Signal, guests, chat.ErrUnauthorized},
		{nobody, access.Write(chat.Message), guests, chat.ErrUnauthorized},
		{nobody, access.Write(chat.Delete), guests, chat.ErrUnauthorized},

		{nobody, access.Join, access.Facts{}, nil}, // whoever holds the link
		{nobody, access.Moderate, guests, chat.ErrUnauthorized},
		{ann, access.Moderate, access.Facts{Complete: true}, access.ErrRole},
		{ann, access.Moderate, access.Facts{Complete: true, Role: chat.Member}, access.ErrRole},
		{ann, access.Moderate, access.Facts{Complete: true, Role: chat.Moderator}, nil},
		{ann, access.Moderate, access.Facts{Complete: true, Role: chat.Operator, Room: access.Room{Exists: true}}, nil},

		{ann, access.Read, access.Facts{}, nil},
		{ann, access.List, access.Facts{}, nil},
		{ann, access.Signal, access.Facts{}, nil},
		{ann, access.Write(chat.Message), access.Facts{}, nil},
		{ann, access.Write(chat.Title), access.Facts{}, nil},
		{ann, access.Write(chat.Reaction), access.Facts{Author: "u_bob"}, nil},
		{ann, access.Write(chat.Edit), access.Facts{}, nil}, // the store compares the authors
		{ann, access.Write(chat.Edit), access.Facts{Author: "u_ann"}, nil},
		{ann, access.Write(chat.Edit), access.Facts{Author: "u_bob"}, chat.ErrForbidden},
		{ann, access.Write(chat.Delete), access.Facts{Author: "u_bob"}, chat.ErrForbidden},
		{nobody, access.Audit, guests, chat.ErrUnauthorized},
		{ann, access.Audit, access.Facts{Role: chat.Owner}, chat.ErrForbidden},
		{ann, access.Audit, access.Facts{Role: chat.Operator}, nil},
		{ann, access.Write(chat.Typing), access.Facts{}, chat.ErrInvalid},
	} {
		if err := access.May(tt.user, tt.do, tt.facts); !errors.Is(err, tt.want) {
			t.Errorf("May(%q, %v, %+v) = %v, want %v", tt.user.Name, tt.do, tt.facts, err, tt.want)
		}
	}
}

func TestRoleOfTheKindIsNeeded(t *testing.T) {
	const seal chat.Kind = "seal"
	old := chat.Kinds
	t.Cleanup(func() { chat.Kinds = old })
	chat.Kinds = append(slices.Clone(old), chat.Rule{Kind: seal, Role: chat.Moderator})
	for role, want := range map[chat.Role]error{
		chat.Guest: chat.ErrForbidden, chat.Member: chat.ErrForbidden, chat.Moderator: nil, chat.Owner: nil,
	} {
		if err := access.May(ann, access.Write(seal), access.Facts{Role: role}); !errors.Is(err, want) {
			t.Errorf("role %d: %v, want %v", role, err, want)
		}
	}
}
