#include "profilers/table/csv.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace halftone {
namespace {

constexpr char kByteOrderMark[] = "\xEF\xBB\xBF";
// Of all columns that any format here has, many times over.
constexpr size_t kMaxFields = 1000;

class CsvParser {
 public:
  CsvParser(absl::string_view text, size_t most_records) : text_(text), most_(most_records) {
    if (absl::StartsWith(text_, kByteOrderMark)) at_ = 3;
  }

  absl::StatusOr<std::vector<CsvRecord>> Parse() {
    while (!AtEnd()) {
      if (SkipLineEnd()) continue;
      HT_RETURN_IF_ERROR(ReadRecord());
    }
    return std::move(records_);
  }

 private:
  absl::Status ReadRecord() {
    if (records_.size() == most_)
      return Wrong(line_, absl::StrCat("more than ", most_, " records"));
    CsvRecord record;
    record.line = line_;
    do {
      if (record.fields.size() == kMaxFields) return Wrong(line_, "too many fields");
      HT_RETURN_IF_ERROR(ReadField(record.fields.emplace_back()));
    } while (Skip(','));
    if (!AtEnd() && !SkipLineEnd()) return Wrong(line_, "text after a closing quote");
    if (!records_.empty() && record.fields.size() != records_[0].fields.size()) {
      return Wrong(record.line, absl::StrCat("has ", record.fields.size(), " fields, the header ",
                                             records_[0].fields.size()));
    }
    records_.push_back(std::move(record));
    return absl::OkStatus();
  }

  absl::Status ReadField(std::string& field) {
    if (Skip('"')) return ReadQuoted(field);
    while (!AtEnd() && text_[at_] != ',' && text_[at_] != '\n' &&
           !absl::StartsWith(Rest(), "\r\n")) {
      if (text_[at_] == '"') return Wrong(line_, "a quote inside a field that begins without one");
      if (text_[at_] == '\0') return Wrong(line_, "a zero byte");
      field.push_back(text_[at_++]);
    }
    return absl::OkStatus();
  }

  absl::Status ReadQuoted(std::string& field) {
    const size_t opened = line_;
    while (!AtEnd()) {
      const char c = text_[at_++];
      if (c == '\0') return Wrong(line_, "a zero byte");
      if (c == '\n') ++line_;
      if (c == '"' && !Skip('"')) return absl::OkStatus();
      field.push_back(c);
    }
    return Wrong(opened, "a quote is opened and never closed");
  }

  bool AtEnd() const { return at_ == text_.size(); }
  absl::string_view Rest() const { return text_.substr(at_, 2); }
  bool Skip(char c) {
    if (AtEnd() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  bool SkipLineEnd() {
    if (absl::StartsWith(Rest(), "\r\n")) ++at_;
    if (!Skip('\n')) return false;
    ++line_;
    return true;
  }
  static absl::Status Wrong(size_t line, absl::string_view problem) {
    return absl::InvalidArgumentError(absl::StrCat("line ", line, ": ", problem));
  }

  absl::string_view text_;
  size_t most_;
  size_t at_ = 0;
  size_t line_ = 1;
  std::vector<CsvRecord> records_;
};

}  // namespace

absl::StatusOr<std::vector<CsvRecord>> ParseCsv(absl::string_view text, size_t most_records) {
  return CsvParser(text, most_records).Parse();
}

}  // namespace halftone
