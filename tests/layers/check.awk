# Reads the rules (first file), then the sources (names relative to src/): see `rules` for what each line of it means.

function violation(where, text) {
    printf "%s: %s\n", where, text
    violations++
}

# --- the rules ---

FILENAME == ARGV[1] {
    if ($1 == "layer") {
        for (i = 3; i <= NF; i++) {
            if (!($i in place))
                violation("rules", $2 " may include " $i ", which does not stand above it")
            allowed[$2, $i] = 1
        }
        place[$2] = ++layers
        layer[layers] = $2
    } else if ($1 == "foreign") {
        for (i = 3; i <= NF; i++)
            owner[$2, $i] = 1
        foreign[$2] = 1
    } else if ($1 == "names") {
        for (i = 3; i <= NF; i++)
            user[$2, $i] = 1
        prefix[$2] = 1
    } else if ($1 == "pure" || $1 == "impure") {
        for (i = 2; i <= NF; i++)
            if ($1 == "pure")
                pure[$i] = 1
            else
                impure[$i] = 1
    } else if ($1 == "except") {
        if (NF < 4)
            violation("rules", "no reason is given for " $2 " calling " $3)
        except[$2, $3] = 1
    } else if ($1 != "" && $1 !~ /^#/) {
        violation("rules", "unknown word '" $1 "'")
    }
    next
}

# --- the sources ---

FNR == 1 {
    folder = FILENAME
    sub(/\/.*/, "", folder)
    in_comment = 0
    if (!(folder in place) && !(folder in strange)) {
        violation(FILENAME, "the folder " folder " has no place in the table")
        strange[folder] = 1
    }
}

# The line without comments and texts, so that only code is left.
function code_of(line,    out, c, two, quote) {
    out = ""
    quote = ""
    while (line != "") {
        c = substr(line, 1, 1)
        two = substr(line, 1, 2)
        if (in_comment) {
            if (two == "*/")
                in_comment = 0
            line = substr(line, two == "*/" ? 3 : 2)
        } else if (quote != "") {
            if (c == quote)
                quote = ""
            line = substr(line, c == "\\" ? 3 : 2)
        } else if (two == "/*") {
            in_comment = 1
            out = out " "
            line = substr(line, 3)
        } else if (two == "//") {
            break
        } else {
            if (c == "\"" || c == "'")
                quote = c
            out = out c
            line = substr(line, 2)
        }
    }
    return out
}

function own_header(name,    target) {
    target = name
    if (!sub(/\/.*/, "", target)) {
        violation(FILENAME ":" FNR, "\"" name "\" does not say its folder")
    } else if (!(target in place)) {
        violation(FILENAME ":" FNR, "\"" name "\" is of no folder in the table")
    } else if (target != folder) {
        edges[folder, target]++
        if (!((folder, target) in allowed))
            violation(FILENAME ":" FNR, folder " must not include " target " (\"" name "\")")
    }
}

function foreign_header(name,    key) {
    key = name
    if (!(key in foreign)) {
        sub(/\/.*/, "/", key)
        if (!(key in foreign)) {
            violation(FILENAME ":" FNR, "<" name "> is not in the table: who may include it?")
            return
        }
    }
    used[key, folder] = 1
    if (!((key, "*") in owner) && !((key, folder) in owner))
        violation(FILENAME ":" FNR, folder " must not include <" name ">")
}

function calls(code,    rest, word, before) {
    rest = code
    while (match(rest, /[A-Za-z_][A-Za-z0-9_]*[ \t]*\(/)) {
        before = substr(rest, 1, RSTART - 1)
        word = substr(rest, RSTART, RLENGTH)
        rest = substr(rest, RSTART + RLENGTH)
        sub(/[ \t]*\($/, "", word)
        # A member of that name is somebody's own function.
        if (!(word in impure) || before ~ /(\.|->)[ \t]*$/)
            continue
        called[FILENAME, word] = 1
        if (!((FILENAME, word) in except))
            violation(FILENAME ":" FNR, folder " must not call " word "(): time and chance come through io/")
    }
}

function names(code,    p) {
    for (p in prefix) {
        # The blank in front stands for the beginning of the line.
        if (!match(" " code, "[^A-Za-z0-9_]" p "[A-Za-z0-9_]"))
            continue
        named[p, folder] = 1
        if (!((p, folder) in user))
            violation(FILENAME ":" FNR, folder " must not use " p "...")
    }
}

{
    line = $0
    code = code_of(line)
    if (code ~ /^[ \t]*#[ \t]*include/) {
        if (match(line, /"[^"]+"/))
            own_header(substr(line, RSTART + 1, RLENGTH - 2))
        else if (match(line, /<[^>]+>/))
            foreign_header(substr(line, RSTART + 1, RLENGTH - 2))
        else
            violation(FILENAME ":" FNR, "an include of what a macro says cannot be judged")
    } else if (code ~ /[A-Za-z]/) {
        names(code)
        if (folder in pure)
            calls(code)
    }
}

# --- the verdict ---

function unused_rules(    i, j, key, part) {
    for (i = 1; i <= layers; i++)
        for (j = 1; j <= layers; j++)
            if ((layer[i], layer[j]) in allowed && !((layer[i], layer[j]) in edges))
                violation("rules", layer[i] " may include " layer[j] ", but nothing there does: take it out")
    for (key in owner) {
        split(key, part, SUBSEP)
        if (part[2] != "*" && !(key in used))
            violation("rules", part[2] " may include <" part[1] ">, but nothing there does: take it out")
    }
    for (key in user) {
        split(key, part, SUBSEP)
        if (!(key in named))
            violation("rules", part[2] " may use " part[1] "..., but does not: take it out")
    }
    for (key in except) {
        split(key, part, SUBSEP)
        if (!(key in called))
            violation("rules", part[1] " may call " part[2] "(), but does not: take it out")
    }
}

function print_edges(    i, j, row) {
    printf "%-14s %s\n", "folder", "includes (how often)"
    for (i = 1; i <= layers; i++) {
        row = ""
        for (j = layers; j >= 1; j--)
            if ((layer[i], layer[j]) in edges)
                row = row (row == "" ? "" : ", ") layer[j] " " edges[layer[i], layer[j]]
        printf "%-14s %s\n", layer[i], row == "" ? "-" : row
    }
}

END {
    unused_rules()
    if (violations) {
        printf "check-layers: %d violations of tests/layers/rules\n", violations
        exit 1
    }
    print_edges()
}
