package web

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"confab/shared/chat"
	"confab/shared/web/markup"
)

const (
	groupFor   = 5 * time.Minute // within which lines of one author stand under one name
	nameFor    = 24 * time.Hour  // after which a name that changed hands is nobody's any more
	quoteChars = 200
)

// A docLine is a message of a document, as it reads now.
type docLine struct {
	ID            chat.ID
	At            time.Time
	User          chat.User
	Text          string
	HTML          string // of the text
	Quote         *docQuote
	Reactions     []docReaction
	Day, First    bool // of a day, of a group
	New           bool // under a name that another user had a while ago
	Own, Gone     bool
	Edited, Asked bool // Asked: the address names it
}

type docQuote struct{ Name, Text string }

type docReaction struct {
	Emoji string
	N     int
}

// docLines are the lines that events come to.
func docLines(events []chat.Event, me *chat.User, asked chat.ID) []docLine {
	lines := map[chat.ID]*docLine{}
	for _, ev := range events {
		target := lines[ev.Target]
		switch {
		case ev.Kind == chat.Message:
			lines[ev.ID] = &docLine{ID: ev.ID, At: ev.Time(), User: ev.By, Text: ev.Text, Own: me != nil && me.ID == ev.By.ID, Asked: ev.ID == asked, Quote: quoteOf(lines[ev.Reply])}
		case ev.Kind == chat.Delete && ev.Target.After(events[0].ID):
			lines[ev.Target] = &docLine{ID: ev.Target, At: ev.Target.Time(), User: ev.By, Gone: true, Own: me != nil && me.ID == ev.By.ID}
		case target == nil || target.Gone:
		case ev.Kind == chat.Edit:
			target.Text, target.Edited = ev.Text, true
		case ev.Kind == chat.Reaction:
			target.react(ev)
		}
	}
	all := make([]docLine, 0, len(lines))
	for _, l := range lines {
		all = append(all, *l)
	}
	slices.SortFunc(all, func(a, b docLine) int { return a.ID.Compare(b.ID) })
	reader := markup.NewReader(namesIn(all, me))
	named := map[string]docLine{} // the last line of each name
	for i := range all {
		key := strings.ToLower(all[i].User.Name)
		namesake, ok := named[key]
		all[i].New = ok && namesake.User.ID != all[i].User.ID && all[i].At.Sub(namesake.At) < nameFor
		named[key] = all[i]
		all[i].Day = i == 0 || !sameDay(all[i-1], all[i])
		all[i].First = i == 0 || !sameGroup(all[i-1], all[i])
		all[i].HTML = reader.HTML(all[i].Text)
	}
	return all
}

// namesIn are the names that lines may call: the reader's, and their authors'.
func namesIn(lines []docLine, me *chat.User) (name string, others []string) {
	if me != nil {
		name = me.Name
	}
	for _, l := range lines {
		if !slices.Contains(others, l.User.Name) {
			others = append(others, l.User.Name)
		}
	}
	return name, others
}

// sameDay goes by UTC, for the reader's time zone is not known here.
func sameDay(a, b docLine) bool {
	return a.At.UTC().Truncate(24 * time.Hour).Equal(b.At.UTC().Truncate(24 * time.Hour))
}

func sameGroup(a, b docLine) bool {
	return a.User == b.User && sameDay(a, b) && b.At.Sub(a.At) < groupFor
}

func (l *docLine) react(ev chat.Event) {
	i := slices.IndexFunc(l.Reactions, func(r docReaction) bool { return r.Emoji == ev.Emoji })
	switch {
	case i < 0 && !ev.Off:
		l.Reactions = append(l.Reactions, docReaction{ev.Emoji, 1})
	case i >= 0 && !ev.Off:
		l.Reactions[i].N++
	case i >= 0 && l.Reactions[i].N > 1:
		l.Reactions[i].N--
	case i >= 0:
		l.Reactions = slices.Delete(l.Reactions, i, i+1)
	}
}

// quoteOf is what a reply shows of the line that it answers, if that is there.
func quoteOf(l *docLine) *docQuote {
	if l == nil || l.Gone {
		return nil
	}
	text := strings.Join(strings.Fields(l.Text), " ")
	if utf8.RuneCountInString(text) > quoteChars {
		text = string([]rune(text)[:quoteChars])
	}
	return &docQuote{l.User.Name, cmp.Or(text, "…")}
}

// lines is the markup of lines, as the page's script makes it.
func (m *roomMarkup) lines(lines []docLine) string {
	var b strings.Builder
	for _, l := range lines {
		id, at := l.ID.String(), l.At.UTC()
		if l.Day {
			fmt.Fprintf(&b, "<li class=\"day\"><time datetime=\"%s\">%s</time></li>\n", at.Format(time.DateOnly), m.day(at))
		}
		fmt.Fprintf(&b, `<li class="line%s" id="%s" data-id="%[2]s"><span class="line__who"><bdi>%s</bdi></span><div class="line__body">`, l.classes(), id, esc(l.User.Name))
		if q := l.Quote; q != nil {
			fmt.Fprintf(&b, `<p class="quote"><b><bdi>%s</bdi></b> <bdi>%s</bdi></p>`, esc(q.Name), esc(q.Text))
		}
		if l.New {
			fmt.Fprintf(&b, `<p class="line__new">%s</p>`, esc(m.NewHere))
		}
		text := l.HTML
		if l.Gone {
			text = esc(m.Gone)
		} else if l.Edited {
			text += ` <small class="line__edited">` + esc(m.Edited) + `</small>`
		}
		fmt.Fprintf(&b, `<div class="line__text" dir="auto">%s</div>`, text)
		if len(l.Reactions) > 0 {
			b.WriteString(`<div class="reactions">`)
			for _, r := range l.Reactions {
				fmt.Fprintf(&b, `<span class="reaction">%s %d</span>`, esc(r.Emoji), r.N)
			}
			b.WriteString(`</div>`)
		}
		fmt.Fprintf(&b, "</div><time class=\"line__time\" datetime=\"%s\" title=\"%[1]s\">%s</time></li>\n", at.Format(time.RFC3339), at.Format("15:04"))
	}
	return b.String()
}

var weekdays = []rune("日一二三四五六")

// day is a day as one says it.
func (m *roomMarkup) day(at time.Time) string {
	if m.Lang == "zh" {
		return fmt.Sprintf("%d月%d日星期%c", at.Month(), at.Day(), weekdays[at.Weekday()])
	}
	return at.Format("Monday, 2 January")
}

func (l docLine) classes() (classes string) {
	for _, c := range []struct {
		on   bool
		name string
	}{{l.First, "first"}, {l.Own, "mine"}, {l.Gone, "gone"}, {!l.Own && strings.Contains(l.HTML, `"mention mention--me"`), "mention"}, {l.Asked, "asked"}} {
		if c.on {
			classes += " line--" + c.name
		}
	}
	if !l.Own {
		classes += fmt.Sprint(" hue-", hueOf(l.User.ID))
	}
	return classes
}

const hues = 24 // each has its rule in hues.css

// hueOf is the colour of a user, as hue.js of the page chooses it.
func hueOf(id string) uint32 {
	var sum uint32
	for _, letter := range id {
		sum = sum*31 + uint32(letter)
	}
	return sum % hues
}
