#include "profilers/onednn/measured_cache.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"

namespace halftone {

MeasuredCache::MeasuredCache(CostCache* cache, const CpuDevice& device, bool cold_caches)
    : cache_(cache) {
  // The number tells how steps are measured: another way, another number.
  prefix_ = absl::StrCat("cpu/3/", device.name, "/", device.isa, "/", device.library, "/",
                         device.threads, " threads/", cold_caches ? "cold/" : "");
}

std::optional<MeasuredTime> MeasuredCache::Load(const std::string& key) const {
  if (cache_ == nullptr) return std::nullopt;
  const absl::StatusOr<std::string> text = cache_->Load(prefix_ + key);
  if (!text.ok()) return std::nullopt;
  const nlohmann::json json = nlohmann::json::parse(*text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return std::nullopt;
  const auto has = [&](const char* name, bool (nlohmann::json::*is)() const noexcept) {
    return json.contains(name) && (json[name].*is)();
  };
  if (!has("latency_ns", &nlohmann::json::is_number) ||
      !has("mad_ns", &nlohmann::json::is_number) || !has("when", &nlohmann::json::is_string)) {
    return std::nullopt;
  }
  const absl::StatusOr<absl::Time> when = ParseUtc(json["when"].get<std::string>());
  if (!when.ok()) return std::nullopt;
  const MeasuredTime time{json["latency_ns"].get<double>(), json["mad_ns"].get<double>(), *when};
  const bool sound = std::isfinite(time.latency_ns) && time.latency_ns > 0 &&
                     std::isfinite(time.mad_ns) && time.mad_ns >= 0;
  return sound ? std::optional<MeasuredTime>(time) : std::nullopt;
}

absl::Status MeasuredCache::Store(const std::string& key, const MeasuredTime& time) const {
  if (cache_ == nullptr) return absl::OkStatus();
  const nlohmann::json json = {
      {"latency_ns", time.latency_ns}, {"mad_ns", time.mad_ns}, {"when", FormatUtc(time.when)}};
  return cache_->Store(prefix_ + key, json.dump());
}

}  // namespace halftone
