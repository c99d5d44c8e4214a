#include "client/analysis_text.h"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "base/units.h"
#include "client/accelerator_text.h"
#include "client/heads_text.h"
#include "client/terminal.h"
#include "client/warnings.h"

namespace halftone {
namespace {

using nlohmann::json;

std::string Text(const json& object, const char* field) {
  const auto found = object.find(field);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

double Number(const json& object, const char* field) {
  const auto found = object.find(field);
  return found != object.end() && found->is_number() ? found->get<double>() : 0;
}

bool Has(const json& object, const char* field) {
  const auto found = object.find(field);
  return found != object.end() && !found->is_null();
}

// What is not known is "-".
std::string Shown(const json& object, const char* field) {
  return Has(object, field) ? FormatNumber(Number(object, field)) : "-";
}

const json& List(const json& object, const char* field) {
  static const json empty = json::array();
  const auto found = object.find(field);
  return found != object.end() && found->is_array() ? *found : empty;
}

// A dimension that the model leaves open is "?".
std::string ShapeText(const json& shape) {
  std::vector<std::string> dimensions;
  for (const json& dimension : shape) {
    dimensions.push_back(dimension.is_null() ? "?" : dimension.dump());
  }
  return absl::StrJoin(dimensions, "x");
}

std::string Time(double ns) { return FormatQuantity(Quantity::kTime, ns); }

}  // namespace

std::string InspectionText(const json& document) {
  std::string open;
  for (const json& axis : List(document, "open_axes")) {
    const std::string name = Text(axis, "name");
    absl::StrAppend(&open, "open: input ", Text(axis, "input"), ", axis ", Number(axis, "axis"),
                    name.empty() ? "" : absl::StrCat(" (", name, ")"), "\n");
  }
  if (!open.empty()) {
    return absl::StrCat(open,
                        "layers are known once the sizes of these axes are: by --data, --shape "
                        "INPUT=1x3x320x320 or --dim NAME=320\n");
  }
  Table table({"layer", "op", "src", "weights", "dst", "MACs", "parameters", "tie"});
  double macs = 0, parameters = 0;
  for (const json& layer : List(document, "layers")) {
    table.Add({Text(layer, "name"), Text(layer, "op"), ShapeText(List(layer, "src_shape")),
               ShapeText(List(layer, "weights_shape")), ShapeText(List(layer, "dst_shape")),
               FormatQuantity(Quantity::kCount, Number(layer, "macs")),
               FormatQuantity(Quantity::kCount, Number(layer, "parameters")),
               Text(layer, "tie_group")});
    macs += Number(layer, "macs");
    parameters += Number(layer, "parameters");
  }
  std::string text = table.Render();
  absl::StrAppend(&text, List(document, "layers").size(), " layers, ",
                  FormatQuantity(Quantity::kCount, macs), " MACs, ",
                  FormatQuantity(Quantity::kCount, parameters), " parameters\n");
  for (const json& tie : List(document, "ties")) {
    std::vector<std::string> layers;
    for (const json& layer : List(tie, "layers")) layers.push_back(layer.get<std::string>());
    absl::StrAppend(&text, "tied: ", absl::StrJoin(layers, ", "), " (", Text(tie, "reason"), ")\n");
  }
  if (Number(document, "other_bytes") > 0) {
    absl::StrAppend(&text, FormatQuantity(Quantity::kSize, Number(document, "other_bytes")),
                    " of float tensors belong to no layer\n");
  }
  text += HeadsText(document);
  if (const std::string quantized = Text(document, "quantized_file"); !quantized.empty()) {
    absl::StrAppend(&text, quantized, "\n");
  }
  for (const json& node : List(document, "unsupported")) {
    absl::StrAppend(&text, "unsupported: ", Text(node, "node"), " (", Text(node, "op"),
                    "): ", Text(node, "reason"), "\n");
  }
  return text;
}

std::string StabilityText(const json& stability) {
  Table table({"layer", "optimum", "changes in", "to"});
  for (const json& layer : List(stability, "layers")) {
    std::vector<std::string> others;
    for (const auto& [choice, share] : layer["shares"].items()) {
      if (choice == Text(layer, "chosen")) continue;
      others.push_back(absl::StrCat(choice, " ", FormatNumber(100 * share.get<double>()), " %"));
    }
    table.Add({Text(layer, "name"), Text(layer, "chosen"),
               absl::StrCat(FormatNumber(100 * Number(layer, "changed")), " %"),
               others.empty() ? "-" : absl::StrJoin(others, ", ")});
  }
  return absl::StrCat("with the samples drawn again, ", Number(stability, "resamples"), " times:\n",
                      table.Render());
}

// Losses of resamples are too many to print; those of a problem's answers are its stability.
std::string ResamplesText(const json& document) {
  const size_t resamples = List(document, "resampled_losses").size();
  if (resamples == 0 || Has(document, "stability")) return "";
  return absl::StrCat("resampled: ", resamples,
                      " times; the losses of each are in the document of --json, and --problem "
                      "says how often an answer changes with them\n");
}

std::string SensitivityText(const json& document) {
  std::vector<std::string> header = {"layer"};
  const json& layers = List(document, "layers");
  const bool with_trace = !layers.empty() && Has(layers[0], "trace");
  const bool with_eigenvalue = !layers.empty() && !List(layers[0], "eigenvalues").empty();
  if (with_trace) header.insert(header.end(), {"trace", "+-", "kind"});
  if (with_eigenvalue) header.push_back("top eigenvalue");
  if (!layers.empty()) {
    for (const json& choice : List(layers[0], "choices")) {
      header.insert(header.end(), {Text(choice, "precision"), "+-"});
    }
  }
  Table table(header);
  Warnings notes;
  for (const json& layer : layers) {
    notes.Add(Text(layer, "name"), Text(layer, "note"));
    std::vector<std::string> row = {Text(layer, "name")};
    for (const char* const field : {"trace", "trace_stderr"}) {
      if (!with_trace) break;
      row.push_back(Shown(layer, field));
    }
    if (with_trace) row.push_back(Has(layer, "trace_kind") ? Text(layer, "trace_kind") : "-");
    if (with_eigenvalue) {
      const json& values = List(layer, "eigenvalues");
      row.push_back(values.empty() ? "-" : FormatNumber(values[0].get<double>()));
    }
    for (const json& choice : List(layer, "choices")) {
      for (const char* const field : {"loss", "loss_stderr"}) row.push_back(Shown(choice, field));
    }
    row.resize(header.size(), "-");
    table.Add(std::move(row));
  }
  std::string network;
  for (const json& value : List(document, "network_eigenvalues")) {
    absl::StrAppend(&network, network.empty() ? "eigenvalues of the whole network: " : ", ",
                    FormatNumber(value.get<double>()));
  }
  if (!network.empty()) network += "\n";
  // Servers of an earlier version do not say what their losses are.
  const json measure = document.value("measure", json::object());
  const std::string what =
      Has(measure, "text")
          ? absl::StrCat(Text(measure, "name"), ": ", Text(measure, "text"))
          : absl::StrCat("loss: of the output's ", Text(document, "output_metric"));
  return absl::StrCat(
      table.Render(), notes.Render(), network, what, ", method ", Text(document, "method"), ", ",
      Number(document, "samples"), " samples, seed ", document.value("seed", json()).dump(), "\n",
      ResamplesText(document), HeadsText(document), WarningLines(WarningsOf(document)),
      Has(document, "stability") ? StabilityText(document["stability"]) : "");
}

// Assignments that were run, beside their predictions; many of them as their errors alone.
std::string PredictionText(const json& document) {
  constexpr size_t kMostListed = 10;
  const json assignments = List(document, "assignments");
  Table table({"assignment", "predicted", "measured", "error"});
  for (size_t i = 0; i < std::min(assignments.size(), kMostListed); ++i) {
    const double predicted = Number(assignments[i], "predicted_ns");
    const double measured = Number(assignments[i], "measured_ns");
    table.Add({absl::StrCat(i + 1), Time(predicted), Time(measured),
               absl::StrFormat("%+.1f %%", 100 * (predicted / measured - 1))});
  }
  const json& prediction = document.at("prediction");
  std::string text = absl::StrFormat(
      "%s%d assignments run: error %.1f %% in the median, %.1f %% at the 95th percentile",
      table.Render(), static_cast<int>(Number(prediction, "assignments")),
      100 * Number(prediction, "median_error"), 100 * Number(prediction, "p95_error"));
  if (Has(prediction, "rank_correlation")) {
    absl::StrAppendFormat(&text, ", rank correlation %.4f", Number(prediction, "rank_correlation"));
  }
  return absl::StrCat(text, "\n");
}

// How and when the rows came about: a line for each means, with the times of its first and last.
std::string OriginText(const json& layers) {
  std::map<std::string, std::pair<std::string, std::string>> spans;
  for (const json& row : layers) {
    const json origin = row.value("origin", json::object());
    const std::string when = Text(origin, "when");
    const auto [span, added] = spans.emplace(
        absl::StrCat(Text(row, "provenance"), ": ", Text(origin, "with")), std::pair(when, when));
    span->second = {std::min(span->second.first, when), std::max(span->second.second, when)};
  }
  std::string text;
  for (const auto& [means, span] : spans) {
    absl::StrAppend(&text, means, ", ", span.first,
                    span.first == span.second ? "" : absl::StrCat(" to ", span.second), "\n");
  }
  return text;
}

std::string ProfileText(const json& document) {
  Table table({"layer", "precision", "runs as", "latency", "+-", "weights", "implementation"});
  Warnings warnings;
  for (const json& row : List(document, "layers")) {
    table.Add({Text(row, "name"), Text(row, "precision"), Text(row, "executed_as"),
               Time(Number(row, "latency_ns")), Time(Number(row, "mad_ns")),
               FormatQuantity(Quantity::kSize, Number(row, "weight_bytes")),
               Text(row, "implementation")});
    warnings.Add(absl::StrCat(Text(row, "name"), " ", Text(row, "precision")),
                 Text(row, "warning"));
  }
  Table network({"network", "predicted", "measured"});
  for (const json& row : List(document, "network")) {
    network.Add({Text(row, "precision"), Time(Number(row, "predicted_ns")),
                 Has(row, "measured_ns") ? Time(Number(row, "measured_ns")) : "-"});
  }
  std::string runs;
  if (Has(document, "prediction")) runs = PredictionText(document);
  const json device = document.value("device", json::object());
  const std::string layers =
      Has(document, "roofline") ? AcceleratorTable(List(document, "layers")) : table.Render();
  return absl::StrCat(
      layers, warnings.Render(), "\n", network.Render(), runs, "target ", Text(document, "target"),
      ": ", Text(device, "name"), " ", Text(device, "isa"), ", ",
      Number(device, "threads") > 0 ? absl::StrCat(Number(device, "threads"), " threads, ") : "",
      Text(device, "library"), "\n", OriginText(List(document, "layers")));
}

}  // namespace halftone
