-- For wrk: asks for the lines of a file in turn, and prints what came of it as a line of JSON.
-- Arguments: GET and a file of paths, or POST and a file of reports.

local asked, turn = {}, 0

function init(args)
   for line in io.lines(args[2]) do
      if args[1] == "GET" then
         asked[#asked + 1] = wrk.format("GET", line)
      else
         asked[#asked + 1] = wrk.format("POST", "/v1/report", {["Content-Type"] = "application/json"}, line)
      end
   end
end

function request()
   turn = turn % #asked + 1
   return asked[turn]
end

function done(summary, latency, requests)
   local e = summary.errors
   io.write(string.format(
      '{"seconds": %.3f, "requests": %d, "failed": %d, "p50": %.3f, "p99": %.3f, "longest": %.3f, "bytes_per_answer": %d}\n',
      summary.duration / 1e6, summary.requests, e.connect + e.read + e.write + e.status + e.timeout,
      latency:percentile(50) / 1000, latency:percentile(99) / 1000, latency.max / 1000,
      summary.bytes / math.max(summary.requests, 1)))
end
