// SPDX-License-Identifier: MIT
//
// starlit::script commands TEXT ?WANTED?  -> list of {line words}
// starlit::script expression TEXT         -> list of {line script}
//
// What Tcl's own parser makes of a script, or of the brackets in an expression, without running any of it: for programs
// that look for what a script asks for. A word is {line kind text scripts}:
//
//     line     of the text, counted from 0; so is a command's
//     kind     braced    a constant in braces
//              constant  another constant, its backslashes substituted
//              variable  $NAME alone; text is NAME
//              other     anything else; text is as it stands there
//              expand-   in front of any of these: {*} is in front of the word, and not of a constant list, whose
//                        elements are words of their own
//     scripts  list of {line script}: the brackets in it
//
// With WANTED, a list of words, commands in which none of them stands are left out; where none stands anywhere, the text
// is not even parsed. A word stands by itself: no letter, digit or underscore beside it, and no dollar in front of it.
//
// A text that is no script is an error, with the parser's own words.

#include <array>
#include <span>
#include <string>
#include <vector>

#include "command_table.h"
#include "driver/commands.h"

namespace starlit {
namespace {

// Tcl's parser calls itself for brackets in brackets. A level takes less than a kilobyte of stack.
constexpr int kDepthMax = 1000;

void check_depth(std::string_view text) {
  int depth = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == '[' || text[i] == '(') {
      if (++depth > kDepthMax) throw Error(ELOOP, "DEPTH", "couldn't parse a script: nested too deeply");
    } else if ((text[i] == ']' || text[i] == ')') && depth > 0) {
      --depth;
    }
  }
}

class Parsed {
 public:
  Parsed() = default;
  Parsed(const Parsed&) = delete;
  Parsed& operator=(const Parsed&) = delete;
  ~Parsed() {
    if (open_) Tcl_FreeParse(&parse_);
  }

  // The next command; returns where the one after it begins.
  const char* command(Tcl_Interp* interp, const char* at, const char* end) {
    if (Tcl_ParseCommand(interp, at, static_cast<Tcl_Size>(end - at), 0, &parse_) != TCL_OK) throw TclError{};
    open_ = true;
    return parse_.commandStart + parse_.commandSize;
  }

  void expression(Tcl_Interp* interp, std::string_view text) {
    if (Tcl_ParseExpr(interp, text.data(), static_cast<Tcl_Size>(text.size()), &parse_) != TCL_OK) throw TclError{};
    open_ = true;
  }

  const Tcl_Parse& get() const { return parse_; }

 private:
  Tcl_Parse parse_;
  bool open_ = false;
};

// Counts lines, for places that come in the order of the text.
class Lines {
 public:
  explicit Lines(std::string_view text) : at_(text.data()) {}

  std::int64_t of(const char* place) {
    for (; at_ < place; ++at_) line_ += *at_ == '\n';
    return line_;
  }

 private:
  const char* at_;
  std::int64_t line_ = 0;
};

void append(const Obj& list, Tcl_Obj* element) { Tcl_ListObjAppendElement(nullptr, list.get(), element); }

std::string_view source_of(const Tcl_Token& token) { return {token.start, static_cast<std::size_t>(token.size)}; }

// The brackets among tokens, as {line script}.
Obj scripts_of(std::span<const Tcl_Token> tokens, Lines& lines) {
  const Obj scripts(Tcl_NewListObj(0, nullptr));
  for (const Tcl_Token& token : tokens) {
    if (token.type != TCL_TOKEN_COMMAND) continue;
    const std::string_view bracketed = source_of(token);
    Tcl_Obj* const words[] = {Tcl_NewWideIntObj(lines.of(token.start)),
                              new_string(bracketed.substr(1, bracketed.size() - 2))};
    append(scripts, Tcl_NewListObj(2, words));
  }
  return scripts;
}

struct Meaning {
  std::string kind;
  std::string text;
};

Meaning meaning_of(const Tcl_Token& word, std::span<const Tcl_Token> parts) {
  const std::string expand = word.type == TCL_TOKEN_EXPAND_WORD ? "expand-" : "";
  std::string text;
  for (const Tcl_Token& part : parts) {
    if (part.type == TCL_TOKEN_TEXT) {
      text += source_of(part);
    } else if (part.type == TCL_TOKEN_BS) {
      std::array<char, 8> character;
      const int size = Tcl_UtfBackslash(part.start, nullptr, character.data());
      text.append(character.data(), static_cast<std::size_t>(size));
    } else if (part.type == TCL_TOKEN_VARIABLE && static_cast<std::size_t>(part.numComponents) + 1 == parts.size() &&
               part.numComponents == 1) {
      return {expand + "variable", std::string(source_of(parts[1]))};
    } else {
      return {expand + "other", std::string(source_of(word))};
    }
  }
  const bool braced = parts.size() == 1 && parts[0].start > word.start && parts[0].start[-1] == '{';
  return {expand + (braced ? "braced" : "constant"), text};
}

// Where in a script any of some words stands.
class Wanted {
 public:
  Wanted(std::string_view script, Arguments words) : script_(script), all_(words.empty()) {
    for (Tcl_Obj* word : words) {
      const std::size_t at = find(string_of(word), 0);
      if (at != std::string_view::npos) places_.push_back({string_of(word), at});
    }
  }

  bool is_anywhere() const { return all_ || !places_.empty(); }

  // Whether one lies in a part of the script. Parts come in the order of the script.
  bool is_in(std::string_view part) {
    const auto begin = static_cast<std::size_t>(part.data() - script_.data());
    bool found = all_;
    for (Place& place : places_) {
      if (place.at < begin) place.at = find(place.word, begin);
      found = found || (place.at != std::string_view::npos && place.at + place.word.size() <= begin + part.size());
    }
    return found;
  }

 private:
  struct Place {
    std::string_view word;
    std::size_t at;  // the first one not in front of the part that was asked for last
  };

  static bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  }

  std::size_t find(std::string_view word, std::size_t from) const {
    for (std::size_t at = script_.find(word, from); at != std::string_view::npos; at = script_.find(word, at + 1)) {
      const std::size_t behind = at + word.size();
      if ((at == 0 || (!is_letter(script_[at - 1]) && script_[at - 1] != '$')) &&
          (behind == script_.size() || !is_letter(script_[behind]))) {
        return at;
      }
    }
    return std::string_view::npos;
  }

  std::string_view script_;
  bool all_;
  std::vector<Place> places_;
};

Obj commands(Tcl_Interp* interp, Arguments arguments) {
  const std::string_view text = string_of(arguments[0]);
  Wanted wanted(text, arguments.size() > 1 ? list_of(interp, arguments[1]) : Arguments());
  if (!wanted.is_anywhere()) return Obj(Tcl_NewListObj(0, nullptr));
  check_depth(text);
  const char* const end = text.data() + text.size();
  Lines lines(text);
  const Obj result(Tcl_NewListObj(0, nullptr));
  for (const char* at = text.data(); at < end;) {
    Parsed parsed;
    at = parsed.command(interp, at, end);
    const Tcl_Parse& parse = parsed.get();
    if (parse.numWords == 0) continue;
    if (!wanted.is_in({parse.commandStart, static_cast<std::size_t>(parse.commandSize)})) continue;
    const std::span tokens(parse.tokenPtr, static_cast<std::size_t>(parse.numTokens));
    const std::int64_t command_line = lines.of(parse.commandStart);
    const Obj words(Tcl_NewListObj(0, nullptr));
    for (std::size_t i = 0; i < tokens.size(); i += static_cast<std::size_t>(tokens[i].numComponents) + 1) {
      const Tcl_Token& word = tokens[i];
      const auto parts = tokens.subspan(i + 1, static_cast<std::size_t>(word.numComponents));
      const std::int64_t line = lines.of(word.start);
      const Meaning meaning = meaning_of(word, parts);
      const Obj scripts = scripts_of(parts, lines);
      Tcl_Obj* const fields[] = {Tcl_NewWideIntObj(line), new_string(meaning.kind), new_string(meaning.text),
                                 scripts.get()};
      append(words, Tcl_NewListObj(4, fields));
    }
    Tcl_Obj* const fields[] = {Tcl_NewWideIntObj(command_line), words.get()};
    append(result, Tcl_NewListObj(2, fields));
  }
  return result;
}

Obj expression(Tcl_Interp* interp, Arguments arguments) {
  const std::string_view text = string_of(arguments[0]);
  check_depth(text);
  Parsed parsed;
  parsed.expression(interp, text);
  Lines lines(text);
  const Tcl_Parse& parse = parsed.get();
  return scripts_of({parse.tokenPtr, static_cast<std::size_t>(parse.numTokens)}, lines);
}

constexpr CommandRow kCommands[] = {
    {"commands", "text ?wanted?", 1, 2, commands},
    {"expression", "text", 1, 1, expression},
};

}  // namespace

void create_script_commands(Tcl_Interp* interp) { create_ensemble(interp, "::starlit::script", kCommands); }

}  // namespace starlit
