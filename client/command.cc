#include "client/command.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <exception>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "base/printable.h"
#include "base/shown_text.h"
#include "base/status_macros.h"
#include "server/server.h"

namespace halftone {
namespace {

void PrintError(const absl::Status& status, bool json) {
  const std::string message(status.message());
  if (json) {
    PrintJson(
        {{"error", {{"code", absl::StatusCodeToString(status.code())}, {"message", message}}}});
  }
  std::fprintf(stderr, "halftone: %s\n", Printable(message).c_str());
}

// As a shell reads it back.
std::string ShellWord(const std::string& text) {
  const bool plain = !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || absl::StrContains("/._-:+,@%=", c);
  });
  if (plain) return text;
  return absl::StrCat("'", absl::StrReplaceAll(text, {{"'", "'\\''"}}), "'");
}

CLI::Validator NumberThat(bool (*holds)(double), const char* name, const char* what) {
  return CLI::Validator(
      [=](const std::string& text) -> std::string {
        double value = 0;
        const bool is_number = CLI::detail::lexical_cast(text, value) && std::isfinite(value);
        return is_number && holds(value) ? "" : absl::StrCat(Quoted(text), " is not ", what);
      },
      name);
}

Connection::ProgressCallback ShowUpload(const std::string& path, ProgressBar& bar) {
  const std::string name = path.substr(path.rfind('/') + 1);
  return [&bar, name](double fraction, absl::string_view) {
    bar.Update("upload", fraction, -1, name);
  };
}

}  // namespace

absl::StatusOr<std::unique_ptr<Connection>> CommandLine::Connect() const {
  if (!server.empty()) return Connection::ToServer(server);
  return Connection::InProcess(state_directory);
}

ProgressBar::Mode CommandLine::ProgressMode() const {
  return quiet ? ProgressBar::Mode::kSilent : ProgressBar::ModeForStderr();
}

std::string CommandLine::Call(absl::string_view command) const {
  std::string where;
  if (!server.empty()) {
    where = absl::StrCat("--server ", ShellWord(server), " ");
  } else if (state_directory != DefaultStateDirectory()) {
    where = absl::StrCat("--state-dir ", ShellWord(state_directory), " ");
  }
  return absl::StrCat("halftone ", where, command);
}

void SetAction(CLI::App* sub, CommandLine* line, std::function<absl::StatusOr<ExitCode>()> action) {
  sub->callback([line, action = std::move(action)] {
    absl::StatusOr<ExitCode> code = absl::InternalError("no answer");
    try {
      code = action();
    } catch (const std::exception& error) {
      code = absl::InternalError(absl::StrCat("unexpected exception: ", error.what()));
    }
    if (!code.ok()) PrintError(code.status(), line->json);
    line->exit_code = code.ok() ? *code : ExitCodeOf(code.status());
  });
}

void PrintJson(const nlohmann::json& document) {
  PrintText(PrintableJson(
      document.dump(2, ' ', /*ensure_ascii=*/false, nlohmann::json::error_handler_t::replace) +
      "\n"));
}

ExitCode FinishOutput(ExitCode code) {
  const absl::Status printed = FlushOutput();
  if (printed.ok()) return code;
  std::fprintf(stderr, "halftone: %s\n", std::string(printed.message()).c_str());
  return code == ExitCode::kDone || code == ExitCode::kInfeasible ? ExitCode::kFailed : code;
}

CLI::Validator PositiveNumber() {
  return NumberThat([](double value) { return value > 0; }, "POSITIVE", "a positive number");
}

CLI::Validator NonNegativeNumber() {
  return NumberThat([](double value) { return value >= 0; }, "NONNEGATIVE", "a number from 0");
}

CLI::Validator Seed() {
  return CLI::Validator(
      [](const std::string& text) -> std::string {
        uint64_t seed;
        if (!text.empty() && absl::ascii_isdigit(text[0]) && absl::SimpleAtoi(text, &seed)) {
          return "";
        }
        return absl::StrCat(Quoted(text), " is not a whole number from 0 to 18446744073709551615");
      },
      "SEED");
}

absl::StatusOr<std::string> UploadModel(Connection& connection, const std::string& path,
                                        ProgressBar& bar) {
  return connection.UploadModel(path, ShowUpload(path, bar));
}

absl::StatusOr<std::string> UploadDataset(Connection& connection, const std::string& path,
                                          ProgressBar& bar) {
  return connection.UploadDataset(path, ShowUpload(path, bar));
}

absl::StatusOr<std::string> UploadOutputs(Connection& connection, const std::string& path,
                                          ProgressBar& bar) {
  return connection.UploadOutputs(path, ShowUpload(path, bar));
}

absl::StatusOr<std::string> ResolveTarget(Connection& connection, const std::string& target,
                                          ProgressBar& bar) {
  const size_t end = std::min(target.find('?'), target.size());
  const std::string path = target.substr(0, end);
  if (!absl::EndsWith(path, ".json") && !absl::EndsWith(path, ".csv")) return target;
  HT_ASSIGN_OR_RETURN(const std::string name,
                      connection.UploadTargetFile(path, ShowUpload(path, bar)));
  return name + target.substr(end);
}

std::vector<std::string> SplitList(const std::string& text) {
  if (text.empty()) return {};
  return absl::StrSplit(text, ',');
}

}  // namespace halftone
