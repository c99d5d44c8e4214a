// models, datasets.
#include "client/upload_commands.h"

#include <memory>
#include <vector>

#include "absl/time/time.h"
#include "base/status_macros.h"
#include "base/units.h"
#include "client/json_values.h"
#include "client/list_all.h"

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

template <typename Record>
ExitCode Print(const CommandLine& line, const char* field, const std::vector<Record>& records) {
  json uploads = json::array();
  for (const Record& record : records) uploads.push_back(UploadToJson(record));
  if (line.json) {
    PrintJson({{field, uploads}});
  } else {
    PrintText(UploadsText(uploads));
  }
  return ExitCode::kDone;
}

absl::StatusOr<ExitCode> Models(const CommandLine& line, size_t limit) {
  HT_ASSIGN_OR_RETURN(const std::unique_ptr<Connection> connection, line.Connect());
  HT_ASSIGN_OR_RETURN(
      const std::vector<v1::Model> models,
      ListAll<v1::Model>(
          v1::ListModelsRequest(), limit,
          [&](const v1::ListModelsRequest& page) { return connection->ListModels(page); },
          [](const v1::ListModelsResponse& page) { return page.models(); }));
  return Print(line, "models", models);
}

absl::StatusOr<ExitCode> Datasets(const CommandLine& line, size_t limit) {
  HT_ASSIGN_OR_RETURN(const std::unique_ptr<Connection> connection, line.Connect());
  HT_ASSIGN_OR_RETURN(
      const std::vector<v1::Dataset> datasets,
      ListAll<v1::Dataset>(
          v1::ListDatasetsRequest(), limit,
          [&](const v1::ListDatasetsRequest& page) { return connection->ListDatasets(page); },
          [](const v1::ListDatasetsResponse& page) { return page.datasets(); }));
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
               FormatQuantity(Quantity::kSize, NumberOrZero(upload, "size_bytes")),
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
