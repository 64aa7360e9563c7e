package web

import (
	"bytes"
	"encoding/json"
	"flag"
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"testing"

	"confab/shared/chat"

	"github.com/invopop/jsonschema"
)

var update = flag.Bool("update", false, "write the schemas of public/openapi.json anew")

const descriptionFile = "../../public/openapi.json"

// The Go types behind the schemas, by the name that the description gives them.
var shapes = map[string]any{
	"Event": chat.Event{}, "Signal": chat.Signal{}, "User": chat.User{}, "Room": chat.Room{},
	"Change": chat.Change{}, "Standing": chat.Standing{}, "Invite": chat.Invite{}, "Banning": chat.Banning{}, "Belonging": chat.Belonging{}, "Source": chat.Source{},
	"ReadRequest": readRequest{}, "ReadMark": readMark{}, "ReadMarks": readMarks{},
	"Session": session{}, "LoginRequest": loginRequest{}, "LoginAnswer": loginAnswer{}, "TransferAnswer": transferAnswer{},
	"SessionList": sessionList{}, "PasskeyRequest": passkeyRequest{}, "PasskeyOptions": passkeyOptions{}, "PasskeyList": passkeyList{},
	"PostRequest": postRequest{}, "PostForm": postRequest{}, "EditRequest": editRequest{}, "ChangeRequest": changeRequest{}, "MakeRequest": makeRequest{},
	"RoomAnswer": roomAnswer{}, "RoleRequest": roleRequest{}, "MemberList": memberList{}, "You": you{}, "BanRequest": banRequest{}, "BanAnswer": banAnswer{}, "BanList": banList{},
	"InviteRequest": inviteRequest{}, "InviteAnswer": inviteAnswer{}, "InviteList": inviteList{}, "JoinAnswer": joinAnswer{}, "DirectRequest": directRequest{},
	"Page": page{}, "Found": found{}, "Poll": pollAnswer{}, "RoomList": roomList{}, "PeopleList": peopleList{},
	"AuditAnswer": auditAnswer{}, "ReportRequest": reportRequest{}, "ReportAnswer": reportAnswer{},
	"Problem": problem{}, "Health": health{},
}

// The schemas of single values. Every limit comes from the constant that the
// server goes by.
func scalars() map[string]*jsonschema.Schema {
	text := func(description string, atMost int) *jsonschema.Schema {
		return &jsonschema.Schema{Type: "string", Description: description, MaxLength: size(atMost)}
	}
	kinds := &jsonschema.Schema{Type: "string"}
	for _, rule := range chat.Kinds {
		kinds.Enum = append(kinds.Enum, string(rule.Kind))
	}
	s := map[string]*jsonschema.Schema{
		"EventRoom":      {Type: "string", Description: "A RoomName, or for a notice @ and its reader's id"},
		"EventKind":      kinds,
		"EventID":        {Type: "string", Pattern: `^\d{1,20}-\d{1,20}$`, Description: "Milliseconds and a number, as 1767225600000-0. 0-0 is the id before every other"},
		"ReplyTo":        {Type: "string", Pattern: `^(\d{1,20}-\d{1,20})?$`, Description: "The message that it answers. Empty: none"},
		"Cursor":         {Type: "string", Description: "Where a reader goes on: an id for each room, in the order of the sorted names, joined by commas"},
		"RoomName":       {Type: "string", MinLength: size(1), MaxLength: size(chat.MaxRoomID), Pattern: chat.RoomPattern},
		"MessageText":    text("At most this many characters (code points)", chat.MaxText),
		"PostedText":     text("A message's text, in one of text and message", chat.MaxText),
		"TitleText":      text("One line. Empty: the room has no title", chat.MaxTitle),
		"IdempotencyKey": text("Printable ASCII. A repeat of the same under the same key is not written again", chat.MaxKey),
		"Emoji":          text("One emoji", chat.MaxEmoji),
		"UserName":       text("As people see it. The limit is of graphemes, which may be of several characters each", 16*chat.MaxName),
	}
	number := func(description string, atMost int) *jsonschema.Schema {
		return &jsonschema.Schema{Type: "integer", Minimum: "0", Maximum: json.Number(strconv.Itoa(atMost)), Description: description}
	}
	s["AccessChoice"] = &jsonschema.Schema{Type: "string", Enum: []any{chat.AccessOpen, chat.AccessUnlisted, chat.AccessPrivate}, Description: "Who reads it: everybody, with its name in the list or without; or its members"}
	s["Posting"] = &jsonschema.Schema{Type: "string", Enum: []any{chat.PostEveryone, chat.PostMembers, chat.PostModerators}, Description: "Who may write lines"}
	s["Role"] = &jsonschema.Schema{Type: "string", Enum: []any{"guest", "member", "moderator", "owner"}, Description: "guest: they do not belong to the room any more"}
	s["Slow"] = number("Seconds that a user waits between two lines", chat.MaxSlow)
	s["Retention"] = number("Seconds after which a line is forgotten, 60 at least. 0: as the server has it", chat.MaxRetention)
	s["Reason"] = text("One line, which everybody in the room reads", chat.MaxReason)
	s["BanSeconds"] = number("How long. 0: for good", chat.MaxBanFor)
	s["Uses"] = number("People whom it lets in. 0: one", chat.MaxUses)
	s["InviteSeconds"] = number("How long it is good. 0: seven days", chat.MaxInviteFor)
	s["EraseSeconds"] = number("Their lines of so many seconds before are taken out", maxErase)
	s["IdempotencyKey"].Pattern = "^[!-~]*$"
	s["EventKind"].Description = "What the event is"
	s["MessageText"].MinLength, s["UserName"].MinLength, s["Emoji"].MinLength = size(1), size(1), size(1)
	return s
}

func size(n int) *uint64 {
	u := uint64(n)
	return &u
}

// Which of them a property is. What a stranger sends and what the server
// answers have the same limits, for nothing else gets in.
var properties = map[string]string{
	"Event.kind": "EventKind", "Event.room": "EventRoom", "ReadMark.room": "EventRoom", "Page.room": "EventRoom", "Event.text": "MessageText", "Event.emoji": "Emoji",
	"User.name": "UserName", "LoginRequest.name": "UserName",
	"PostRequest.room": "RoomName", "PostRequest.text": "PostedText", "PostRequest.message": "PostedText", "PostRequest.key": "IdempotencyKey", "PostRequest.reply": "ReplyTo",
	"PostForm.room": "RoomName", "PostForm.text": "PostedText", "PostForm.message": "PostedText", "PostForm.key": "IdempotencyKey", "PostForm.reply": "ReplyTo",
	"EditRequest.text": "MessageText", "ChangeRequest.title": "TitleText", "MakeRequest.title": "TitleText",
	"ChangeRequest.access": "AccessChoice", "MakeRequest.access": "AccessChoice", "ChangeRequest.posting": "Posting", "MakeRequest.posting": "Posting",
	"ChangeRequest.slow": "Slow", "MakeRequest.slow": "Slow", "ChangeRequest.retention": "Retention", "MakeRequest.retention": "Retention",
	"MakeRequest.room": "RoomName", "RoleRequest.role": "Role", "BanRequest.reason": "Reason", "BanRequest.seconds": "BanSeconds", "BanRequest.erase": "EraseSeconds",
	"InviteRequest.role": "Role", "InviteRequest.uses": "Uses", "InviteRequest.seconds": "InviteSeconds",
	"Signal.cursor": "Cursor", "Poll.cursor": "Cursor",
}

// Descriptions of properties that their names do not tell.
var descriptions = map[string]string{
	"Event.prev": "The id of the event before it in the room", "Event.at": "When it happened, Unix milliseconds, where the id does not say so", "Event.target": "The event that it is about",
	"Event.keyHash": "Stands for the Idempotency-Key, which only its author knows: the first 24 hexadecimal digits of the SHA-256 of \"<id of the author> <key>\"",
	"Event.notice":  "Why an event of an inbox concerns its reader", "Event.of": "What an event of an inbox tells of",
	"Event.off": "A reaction that is taken back", "LoginRequest.token": "Answer with the session as text, for Authorization: Bearer",
	"PostRequest.message": "The text, as some clients call it", "PostForm.message": "The text, as some clients call it", "Page.more": "There are more events, in the direction that was asked for",
	"Found.events": "The messages that hold the text, newest first", "Found.more": "There is more to look at, before the cursor",
	"MakeRequest.room": "Its address, if it is open or unlisted: else one is made of the title. The server makes that of a private room",
	"RoomAnswer.role":  "What the reader is in it: guest, member, moderator, owner or operator", "RoomAnswer.with": "The others of a direct room",
	"InviteAnswer.url": "Whoever opens it says a name and is let in", "InviteAnswer.qr": "The link, as SVG", "DirectRequest.users": "The ids of 1 to 7 others", "DirectRequest.room": "Where they were met, for their names. Absent: in the lobby",
	"MemberList.more": "There are more, after the last of them", "BanRequest.mute": "They read on, and write nothing",
	"BanAnswer.erased": "How many lines were taken out", "You.until": "When the ban is over, Unix milliseconds. Absent: for good",
	"PasskeyRequest.name": "Of somebody who is not signed in and makes a passkey", "PasskeyRequest.label": "What the user calls the new one",
	"PasskeyRequest.state": "As the first request was answered", "PasskeyRequest.credential": "What the browser answered (toJSON of a PublicKeyCredential). Absent: it begins",
	"PasskeyOptions.options": "For navigator.credentials, in the form of parseCreationOptionsFromJSON or parseRequestOptionsFromJSON",
	"PasskeyList.recovery":   "A code that POST /login takes once, in place of a name. It is shown this once", "LoginAnswer.recovery": "The next code, after one was used",
	"LoginRequest.recovery": "A recovery code, in place of a name",
	"Session.ways":          "To sign in, the first one first", "LoginRequest.assertion": "A token of the site that this server trusts, in place of a name: a JWT with sub, name, rooms and role, aud and exp",
	"Session.address": "By which the client is counted; for IPv6 the network of 64 bits",
	"Session.proxy":   "Through which the client came, if the server does not trust it: all clients of it are counted as one",
}

func TestEveryReferenceOfTheDescriptionLeadsSomewhere(t *testing.T) {
	file, err := os.ReadFile(descriptionFile)
	if err != nil {
		t.Fatal(err)
	}
	schemas := allSchemas()
	for _, m := range regexp.MustCompile(`"#/components/schemas/(\w+)"`).FindAllSubmatch(file, -1) {
		if schemas[string(m[1])] == nil {
			t.Errorf("%s is no schema", m[1])
		}
	}
}

func TestSchemasAreMadeFromTheTypes(t *testing.T) {
	file, err := os.ReadFile(descriptionFile)
	if err != nil {
		t.Fatal(err)
	}
	made := describe(t, file)
	if *update {
		if err := os.WriteFile(descriptionFile, made, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(made, file) && !*update {
		t.Error("the schemas of public/openapi.json are not those of the types: run make openapi")
	}
}

// describe is the description with the schemas, and nothing else, made anew.
func describe(t *testing.T, file []byte) []byte {
	t.Helper()
	at := bytes.LastIndex(file, []byte(`"schemas": {`))
	if at < 0 {
		t.Fatal("the description has no schemas, which come last in it")
	}
	var out bytes.Buffer
	out.Write(file[:at])
	out.WriteString(`"schemas": `)
	schemas, err := json.Marshal(allSchemas())
	if err != nil {
		t.Fatal(err)
	}
	out.Write(schemas)
	out.WriteString("}}")
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, out.Bytes(), "", "  "); err != nil {
		t.Fatal(err)
	}
	pretty.WriteByte('\n')
	return pretty.Bytes()
}

func allSchemas() map[string]*jsonschema.Schema {
	all := scalars()
	for name, shape := range shapes {
		r := jsonschema.Reflector{Anonymous: true, DoNotReference: true, AllowAdditionalProperties: true, Mapper: mapped(name)}
		s := r.Reflect(shape)
		s.Version = ""
		refine(name, s)
		all[name] = s
	}
	all["Item"] = &jsonschema.Schema{OneOf: []*jsonschema.Schema{ref("Event"), ref("Signal")}}
	all["PlainText"] = &jsonschema.Schema{Type: "string"}
	all["ServerSentEvent"] = serverSentEvent()
	return all
}

// mapped has a schema refer to the types that have one of their own.
func mapped(inside string) func(reflect.Type) *jsonschema.Schema {
	return func(t reflect.Type) *jsonschema.Schema {
		switch t {
		case reflect.TypeFor[chat.ID]():
			return ref("EventID")
		case reflect.TypeFor[chat.RoomID]():
			return ref("RoomName")
		case reflect.TypeFor[chat.Opt[bool]]():
			return &jsonschema.Schema{Type: "boolean"}
		case reflect.TypeFor[chat.Opt[int]]():
			return &jsonschema.Schema{Type: "integer"}
		case reflect.TypeFor[chat.UserList]():
			return &jsonschema.Schema{Type: "array", Items: ref("User")}
		case reflect.TypeFor[json.RawMessage](), reflect.TypeFor[any]():
			return ref("Item")
		case reflect.TypeFor[map[chat.RoomID]chat.ID]():
			return &jsonschema.Schema{Type: "object", AdditionalProperties: ref("EventID")}
		case reflect.TypeFor[map[string]int]():
			return &jsonschema.Schema{Type: "object", AdditionalProperties: &jsonschema.Schema{Type: "integer"}}
		}
		for name, shape := range shapes {
			if reflect.TypeOf(shape) == t && reflect.TypeOf(shapes[inside]) != t {
				return ref(name)
			}
		}
		return nil
	}
}

func ref(name string) *jsonschema.Schema {
	return &jsonschema.Schema{Ref: "#/components/schemas/" + name}
}

// refine gives properties their limits, and takes those that may be left out
// from what is required.
func refine(name string, s *jsonschema.Schema) {
	for p := s.Properties.Oldest(); p != nil; p = p.Next() {
		full := name + "." + p.Key
		if of, ok := properties[full]; ok {
			p.Value = ref(of)
		}
		if d, ok := descriptions[full]; ok {
			p.Value.Description = d
		}
		if full == "Signal.kind" {
			p.Value.Enum = []any{"typing", "presence", "ping", "reset", "bye", "open", "inbox", "read"}
		}
		if full == "Session.user" {
			p.Value = &jsonschema.Schema{OneOf: []*jsonschema.Schema{ref("User"), {Type: "null"}}}
		}
		if full == "LoginRequest.token" {
			p.Value = &jsonschema.Schema{OneOf: []*jsonschema.Schema{{Type: "boolean"}, {Type: "null"}}, Description: p.Value.Description}
		}
		if full == "Session.guests" {
			p.Value.Enum = []any{"read", "none"}
		}
		if full == "PasskeyRequest.credential" || full == "PasskeyOptions.options" {
			p.Value = &jsonschema.Schema{Type: "object", Description: descriptions[full]}
		}
		if full == "Session.ways" {
			p.Value.Items.Enum = []any{ByName, ByProvider, ByPasskey, BySite}
		}
		if full == "Session.transports" {
			p.Value.Items.Enum = []any{serverSentEvents, webSocket, longPoll}
		}
	}
	shape := reflect.TypeOf(shapes[name])
	s.Required = slices.DeleteFunc(s.Required, func(field string) bool { return mayBeMissing(shape, field) })
	if name == "Event" { // only an event that is not written down yet has no id
		s.Required = append(s.Required, "id")
	}
}

var missing = regexp.MustCompile(`,omit(empty|zero)`)

func mayBeMissing(shape reflect.Type, field string) bool {
	for i := range shape.NumField() {
		tag := shape.Field(i).Tag.Get("json")
		if name, _, _ := bytes.Cut([]byte(tag), []byte(",")); string(name) == field {
			return missing.MatchString(tag)
		}
	}
	return false
}

// serverSentEvent is one event of a stream, by the fields of its lines.
func serverSentEvent() *jsonschema.Schema {
	p := jsonschema.NewProperties()
	p.Set("event", &jsonschema.Schema{Type: "string", Description: "Absent for a message"})
	p.Set("data", &jsonschema.Schema{Type: "string", Description: "An Event or a Signal as JSON, or a line of text"})
	p.Set("id", ref("Cursor"))
	p.Set("retry", &jsonschema.Schema{Type: "integer", Description: "Milliseconds"})
	return &jsonschema.Schema{Type: "object", Properties: p}
}

// The description states each limit wherever it holds, from the one constant.
func TestDescriptionHasTheLimits(t *testing.T) {
	all := allSchemas()
	for name, want := range map[string]int{"MessageText": chat.MaxText, "TitleText": chat.MaxTitle, "IdempotencyKey": chat.MaxKey, "Emoji": chat.MaxEmoji, "RoomName": chat.MaxRoomID} {
		if got := all[name].MaxLength; got == nil || *got != uint64(want) {
			t.Errorf("%s: maxLength %v, want %d", name, got, want)
		}
	}
	var refs []string
	for full := range maps.Keys(properties) {
		refs = append(refs, full)
	}
	for _, full := range refs {
		name, field, _ := bytes.Cut([]byte(full), []byte("."))
		s, ok := all[string(name)]
		if !ok {
			t.Errorf("%s is a property of no shape", full)
			continue
		}
		if _, ok := s.Properties.Get(string(field)); !ok {
			t.Errorf("%s is no property", full)
		}
	}
}
