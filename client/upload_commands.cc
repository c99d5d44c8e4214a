// models, datasets.
#include "client/upload_commands.h"

#include <memory>

#include "absl/time/time.h"
#include "base/status_macros.h"
#include "base/units.h"
#include "client/json_values.h"

namespace halftone {
namespace {

using nlohmann::json;

template <typename Record>
json RecordToJson(const Record& record) {
  return {{"name", record.name()},
          {"display_name", record.display_name()},
          {"size_bytes", record.size_bytes()},
          {"create_time", absl::FormatTime("%Y-%m-%dT%H:%M:%SZ",
                                           absl::FromUnixSeconds(record.create_time().seconds()),
                                           absl::UTCTimeZone())}};
}

// All pages, up to `limit` records if that is positive.
template <typename Request, typename Response, typename Records>
absl::StatusOr<json> ListAll(Connection& connection,
                             absl::StatusOr<Response> (Connection::*list)(const Request&),
                             const Records& records, size_t limit) {
  json uploads = json::array();
  Request request;
  do {
    HT_ASSIGN_OR_RETURN(const Response page, (connection.*list)(request));
    for (const auto& record : records(page)) {
      if (limit > 0 && uploads.size() == limit) return uploads;
      uploads.push_back(UploadToJson(record));
    }
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  return uploads;
}

ExitCode Print(const CommandLine& line, const char* field, const json& uploads) {
  if (line.json) {
    PrintJson({{field, uploads}});
  } else {
    PrintText(UploadsText(uploads));
  }
  return ExitCode::kDone;
}

absl::StatusOr<ExitCode> Models(const CommandLine& line, size_t limit) {
  HT_ASSIGN_OR_RETURN(const std::unique_ptr<Connection> connection, line.Connect());
  HT_ASSIGN_OR_RETURN(const json models,
                      ListAll(
                          *connection, &Connection::ListModels,
                          [](const v1::ListModelsResponse& page) { return page.models(); }, limit));
  return Print(line, "models", models);
}

absl::StatusOr<ExitCode> Datasets(const CommandLine& line, size_t limit) {
  HT_ASSIGN_OR_RETURN(const std::unique_ptr<Connection> connection, line.Connect());
  HT_ASSIGN_OR_RETURN(
      const json datasets,
      ListAll(
          *connection, &Connection::ListDatasets,
          [](const v1::ListDatasetsResponse& page) { return page.datasets(); }, limit));
  return Print(line, "datasets", datasets);
}

void Add(CLI::App& app, CommandLine& line, const char* name, const char* description,
         absl::StatusOr<ExitCode> (*list)(const CommandLine&, size_t)) {
  auto limit = std::make_shared<size_t>(0);
  CLI::App* sub = app.add_subcommand(name, description);
  sub->add_option("--limit", *limit, "at most so many")->check(PositiveNumber());
  SetAction(sub, &line, [&line, limit, list] { return list(line, *limit); });
}

}  // namespace

json UploadToJson(const v1::Model& model) { return RecordToJson(model); }
json UploadToJson(const v1::Dataset& dataset) { return RecordToJson(dataset); }

std::string UploadsText(const json& uploads) {
  Table table({"name", "size", "uploaded", "file"});
  for (const json& upload : uploads) {
    table.Add({TextIn(upload, "name"),
               FormatQuantity(Quantity::kSize, NumberIn(upload, "size_bytes").value_or(0)),
               TextIn(upload, "create_time"), TextIn(upload, "display_name")});
  }
  return table.Render();
}

void AddUploadCommands(CLI::App& app, CommandLine& line) {
  Add(app, line, "models", "the models that were uploaded, newest first; see delete and gc",
      Models);
  Add(app, line, "datasets", "the data that was uploaded, newest first; see delete and gc",
      Datasets);
}

}  // namespace halftone
