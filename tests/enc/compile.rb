# compile.rb MODULES: catalogs of nodes, by the classes that a real Puppet server uses: Puppet::Node::Exec reads a node's
# document, Puppet::Parser::Compiler makes its catalog. One process makes many, as a server does, and reads a manifest
# once. A line of standard input is a JSON list of a document, a file of facts, a hostname and the file that is to get the
# catalog's resources; the answer is a line of JSON: what is wrong, or null.
require 'json'
require 'set'
require 'fileutils'
require 'tmpdir'
require 'yaml'

modules = ARGV.first.dup

# A server that is its own agent has every module's lib/ on the load path, by pluginsync.
Dir.glob("#{modules}/*/lib").sort.each { |folder| $LOAD_PATH.push(folder) }
require 'puppet'
require 'puppet/node'
require 'puppet/node/facts'

work = Dir.mktmpdir('catalog')
at_exit { FileUtils.rm_rf(work) }
manifests = "#{work}/code/environments/production/manifests"
FileUtils.mkdir_p(["#{work}/conf", "#{work}/var", manifests])
File.write("#{manifests}/site.pp", "# classes come from the document\n")
File.write("#{work}/hiera.yaml", "---\nversion: 5\nhierarchy: []\n")
File.write("#{work}/enc", "#!/bin/sh\nexec cat '#{work}/document'\n")
File.chmod(0o755, "#{work}/enc")

Puppet.initialize_settings([
  '--confdir', "#{work}/conf", '--vardir', "#{work}/var", '--codedir', "#{work}/code",
  '--environmentpath', "#{work}/code/environments", '--basemodulepath', modules, '--hiera_config', "#{work}/hiera.yaml",
  '--node_terminus', 'exec', '--external_nodes', "#{work}/enc", '--log_level', 'err', '--strict_variables'
])
Puppet[:strict] = :error # as Puppet 8 has it, of which Debian 13's server is, with strict_variables
Puppet::Util::Log.level = :err
Puppet::Node::Facts.indirection.terminus_class = :memory
Puppet::Node.indirection.terminus_class = :exec
environment = Puppet::Node::Environment.create(:production, [modules], manifests)

def catalog(environment, name, facts)
  Puppet::Node::Facts.indirection.save(facts)
  node = Puppet::Node.indirection.find(name, environment: environment, facts: facts) or raise 'there is no node'
  raise 'the document has no classes' if node.classes.nil? || node.classes.empty?
  node.environment = environment
  node.merge(facts.values) unless node.parameters.key?('os')
  host, domain = name.split('.', 2)
  node.trusted_data = { 'authenticated' => 'local', 'certname' => name, 'hostname' => host, 'domain' => domain,
                        'extensions' => {}, 'external' => {} }
  node.add_server_facts('serverversion' => Puppet.version, 'servername' => 'puppet', 'serverip' => '192.0.2.1',
                        'environment' => 'production')
  made = Puppet::Parser::Compiler.compile(node)
  titles = node.classes.keys.to_h { |one| [one, one.split('::').map(&:capitalize).join('::')] }
  lacking = titles.reject { |_, title| made.resource('Class', title) }.keys
  raise "not in the catalog: #{lacking.join(' ')}" unless lacking.empty?
  made.resources
end

# What JSON has no word for is told as a text: a reference to a resource, a type.
def plain(value)
  case value
  when Hash then value.to_h { |name, inner| [name.to_s, plain(inner)] }
  when Array then value.map { |inner| plain(inner) }
  when Puppet::Pops::Types::PSensitiveType::Sensitive then plain(value.unwrap)
  when String, Numeric, true, false, nil then value
  else value.to_s
  end
end

$stdout.sync = true
while (line = $stdin.gets)
  document, facts_file, name, answer = JSON.parse(line)
  FileUtils.cp(document, "#{work}/document")
  wrong = nil
  begin
    Puppet.override(current_environment: environment, environments: Puppet::Environments::Static.new(environment)) do
      resources = catalog(environment, name, Puppet::Node::Facts.new(name, YAML.load_file(facts_file)))
      File.write(answer, JSON.generate(resources.map { |one| [one.type, one.title.to_s, plain(one.to_hash)] }))
    end
  rescue StandardError, ScriptError => error
    wrong = "#{error.class}: #{error.message.gsub(/\s*\n\s*/, ' | ')[0, 1500]}"
  end
  puts JSON.generate([wrong])
end
