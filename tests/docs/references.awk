# Reads what there is to be cited (standard input), then the files that cite: see `references`.

BEGIN {
    split("Node.js sysexits.h splitmix64.c xoshiro256starstar.c", names)
    for (i in names)
        foreign[names[i]] = 1
}

function violation(text) {
    printf "%s:%d: %s\n", where, line_number, text
    violations++
}

# --- what there is ---

function anchor_of(heading) {
    heading = tolower(heading)
    gsub(/[^a-z0-9 _-]/, "", heading)
    gsub(/ /, "-", heading)
    return heading
}

FILENAME == "-" || FILENAME == "" {
    if ($1 == "file") {
        path = substr($0, 6)
        exists[path] = 1
        sub(/.*\//, "", path)
        named[path] = 1
    } else {
        document = $2
        title = substr($0, length("head ") + length(document) + 2)
        heading[document, title] = 1
        anchor[document, anchor_of(title)] = 1
        if (match(title, /^[0-9]+(\.[0-9]+)*/))
            section[document, substr(title, 1, RLENGTH)] = 1
        if (match(title, /^(R-[A-Z]+|Rule [0-9]+|Promise [0-9]+)/))
            label[document, substr(title, 1, RLENGTH)] = 1
    }
    next
}

# --- the citing files ---

# The line without what begins a line of a comment.
function bare(line) {
    sub(/^[ \t]*(\/\*|\*\/|\*|\/\/|#|>)?[ \t]*/, "", line)
    return line
}

function find_document(name,    folder) {
    folder = where
    if (!sub(/\/[^\/]*$/, "/", folder))
        folder = ""
    if ((folder name) in exists)
        return folder name
    while (name ~ /^\.\.\//) {
        sub(/^\.\.\//, "", name)
        sub(/[^\/]*\/$/, "", folder)
        if ((folder name) in exists)
            return folder name
    }
    if (name in exists)
        return name
    return ("docs/" name) in exists ? "docs/" name : ""
}

# `rest` begins after "section": "1, 3 and 15)"; which of the numbers are no sections of the document.
function sections(document, name, rest,    number) {
    sub(/^s? +/, "", rest)
    while (match(rest, /^[0-9]+(\.[0-9]+)*/)) {
        number = substr(rest, 1, RLENGTH)
        rest = substr(rest, RLENGTH + 1)
        if (!((document, number) in section))
            violation(name " has no section " number)
        if (!sub(/^(, and |, | and | to |-)/, "", rest))
            return
    }
}

# `rest` begins after the name of a document that exists.
function cited_in(document, name, rest,    title) {
    if (match(rest, /^#[a-z0-9_-]+/)) {
        if (!((document, substr(rest, 2, RLENGTH - 1)) in anchor))
            violation(name " has no heading for " substr(rest, 1, RLENGTH))
        return
    }
    sub(/^[`)]*,? */, "", rest)
    if (rest ~ /^sections? +[0-9]/) {
        sub(/^section/, "", rest)
        sections(document, name, rest)
    } else if (match(rest, /^"[^"]+"/)) {
        title = substr(rest, 2, RLENGTH - 2)
        if (!((document, title) in heading))
            violation(name " has no heading \"" title "\"")
    }
}

# Each match of `pattern` that begins in this line, one after the other: at[] and found[] of them.
function matches(text, pattern, bound,    n, offset) {
    n = 0
    offset = 0
    while (match(text, pattern) && offset + RSTART <= bound) {
        at[++n] = offset + RSTART
        found[n] = substr(text, RSTART, RLENGTH)
        offset += RSTART + RLENGTH - 1
        text = substr(text, RSTART + RLENGTH)
    }
    return n
}

function check_documents(text, bound,    n, i, document, before) {
    n = matches(text, "[A-Za-z0-9_./-]*[A-Za-z0-9_-]\\.md", bound)
    for (i = 1; i <= n; i++) {
        before = substr(text, 1, at[i] - 1)
        if (before ~ /(https?:|[*<>$}])$/ || found[i] ~ /^\/\// || found[i] ~ /^\//)
            continue
        document = find_document(found[i])
        if (document == "")
            violation("there is no " found[i])
        else
            cited_in(document, found[i], substr(text, at[i] + length(found[i])))
    }
    n = where ~ /\.md$/ ? matches(text, "\\]\\(#[a-z0-9_-]+", bound) : 0
    for (i = 1; i <= n; i++)
        if (!((where, substr(found[i], 4)) in anchor))
            violation("no heading here for " substr(found[i], 3))
}

function check_label(found, document, word) {
    if (!((document, word) in label))
        violation(found ": " document " has no heading \"" word "\"")
}

function check_labels(text, bound,    n, i) {
    n = matches(text, "(^|[^A-Za-z0-9_-])R-[A-Z][A-Z]+", bound)
    for (i = 1; i <= n; i++) {
        sub(/^[^R]/, "", found[i])
        check_label(found[i], "docs/architecture.md", found[i])
    }
    n = matches(text, "(^|[^A-Za-z_])[Rr]ule [0-9]+", bound)
    for (i = 1; i <= n; i++) {
        sub(/^.*ule /, "", found[i])
        check_label("rule " found[i], "docs/architecture.md", "Rule " found[i])
    }
    n = matches(text, "(^|[^A-Za-z_])[Pp]romise [0-9]+", bound)
    for (i = 1; i <= n; i++) {
        sub(/^.*omise /, "", found[i])
        check_label("promise " found[i], "docs/guarantees.md", "Promise " found[i])
    }
}

# A section of nothing: whose it is must be said, but for a document's own.
function check_sections(text, bound,    n, i, before, number) {
    n = matches(text, "(^|[^A-Za-z_])[Ss]ections? [0-9]+(\\.[0-9]+)*", bound)
    for (i = 1; i <= n; i++) {
        before = previous " " substr(text, 1, at[i] - 1)
        number = found[i]
        sub(/^.* /, "", number)
        if (before !~ /\.md[`)]*,? *$/ && before !~ /RFC [0-9]+,? *$/ && !((where, number) in section))
            violation("section " number " of what?")
    }
}

function check_files(text, bound,    n, i, before, name) {
    n = matches(text, "[A-Za-z0-9_./-]*[A-Za-z0-9_]\\.(c|h|js|awk)($|[^A-Za-z0-9_(.-])", bound)
    for (i = 1; i <= n; i++) {
        before = substr(text, 1, at[i] - 1)
        name = found[i]
        sub(/[^A-Za-z0-9_]$/, "", name)
        if (name in foreign || before ~ /[<$*}"%:>]$/ || name ~ /^[.\/]/ || name ~ /\/\//)
            continue
        if (name ~ /\// ? !(name in exists) && !(("src/" name) in exists) && !(("tests/" name) in exists) && \
                          !(("tests/unit/" name) in exists) : !(name in named))
            violation("there is no file " name)
    }
}

# Most lines cite nothing, which a look for a few letters tells.
function check(line, next_line,    text, bound) {
    text = line " " next_line
    bound = length(line)
    if (index(line, ".md") || index(line, "](#"))
        check_documents(text, bound)
    if (index(line, "R-") || index(line, "ule") || index(line, "romise"))
        check_labels(text, bound)
    if (index(line, "ection"))
        check_sections(text, bound)
    if (is_prose && (index(line, ".c") || index(line, ".h") || index(line, ".js") || index(line, ".awk")))
        check_files(text, bound)
}

# Of a C file: what stands in its comments.
function comment_of(raw) {
    if (raw ~ /^[ \t]*\/?\*/)
        return bare(raw)
    return index(raw, "/*") ? substr(raw, index(raw, "/*") + 2) : ""
}

# A citation may go on in the next line, so each line is looked at together with that.
{
    next_line = FILENAME ~ /\.[ch]$/ ? comment_of($0) : bare($0)
    if (FNR > 1 || where != "")
        check(last, FNR > 1 ? next_line : "")
    previous = FNR > 1 ? last : ""
    last = next_line
    where = FILENAME
    line_number = FNR
    is_prose = where ~ /\.(c|h|md)$/
}

END {
    if (where != "")
        check(last, "")
    if (violations) {
        printf "%d citations of what does not exist\n", violations
        exit 1
    }
    printf "all that is cited exists\n"
}
